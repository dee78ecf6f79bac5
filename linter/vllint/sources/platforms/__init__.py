"""Hosted endpoints and other platforms, one module for each."""
