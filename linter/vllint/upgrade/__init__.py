"""Moving the files that launch vLLM from one release to another."""
