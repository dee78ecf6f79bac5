"""YAML and JSON scalars and trees that know their places."""
