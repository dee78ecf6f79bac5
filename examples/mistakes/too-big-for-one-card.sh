#!/usr/bin/env bash
# vllint: gpu=H100:1
vllm serve meta-llama/Llama-3.3-70B-Instruct --max-model-len 8192 --port 8000
