"""vllint reads the files that launch vLLM and says what is wrong before deployment."""
