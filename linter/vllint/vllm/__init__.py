"""vLLM's own argument semantics, by release."""
