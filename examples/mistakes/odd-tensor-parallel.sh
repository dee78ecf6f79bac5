#!/usr/bin/env bash
# vllint: gpu=A10G:4
vllm serve mistralai/Mistral-7B-Instruct-v0.3 --max-model-len 16384 --tensor-parallel-size=3
