"""Rules about quantization."""
