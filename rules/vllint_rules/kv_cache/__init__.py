"""Rules about the KV cache."""
