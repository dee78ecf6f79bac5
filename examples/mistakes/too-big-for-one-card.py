"""Summarize a file of documents, one to a line."""

import sys
from pathlib import Path

from vllm import LLM, SamplingParams

# vllint: gpu=H100:1
llm = LLM(
    model="meta-llama/Llama-3.3-70B-Instruct",
    max_model_len=16384,
    tensor_parallel_size=1,
)
documents = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
prompts = [f"Summarize in one sentence: {document}" for document in documents]
for output in llm.generate(prompts, SamplingParams(max_tokens=128)):
    print(output.outputs[0].text)
