"""Rules about multimodal input."""
