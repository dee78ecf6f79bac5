#!/usr/bin/env bash
# A g5.12xlarge: four A10G.
# vllint: gpu=A10G:4
set -euo pipefail

MODEL=mistralai/Mistral-7B-Instruct-v0.3
PORT=${PORT:-8000}

exec vllm serve "$MODEL" \
  --host 0.0.0.0 --port "$PORT" \
  --max-model-len 16384 \
  --gpu-memory-utilization 0.92
