#!/usr/bin/env bash
# Two copies on two cards each would do; this asks for eight cards of the four there are.
docker run --rm --gpus 4 --ipc=host -p 8000:8000 \
  -e HF_TOKEN \
  vllm/vllm-openai:v0.22.1 \
  mistralai/Mistral-7B-Instruct-v0.3 \
  --max-model-len 16384 \
  --tensor-parallel-size 2 --data-parallel-size 4  # vllint: gpu=A10G:4
