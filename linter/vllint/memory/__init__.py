"""How vLLM spends GPU memory at start-up, re-enacted per rank."""
