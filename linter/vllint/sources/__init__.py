"""Readers: from a file's text to the launches in it."""
