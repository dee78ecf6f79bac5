"""The built-in rules: one file each, found through the same entry point as any other package of rules."""
