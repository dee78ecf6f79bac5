"""KServe's resources."""
