"""Text whose every decoded character knows the source it came from."""
