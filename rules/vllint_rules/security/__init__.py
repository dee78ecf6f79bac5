"""Rules about secrets and exposure."""
