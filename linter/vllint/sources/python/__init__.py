"""Python programs that build engines or start servers."""
