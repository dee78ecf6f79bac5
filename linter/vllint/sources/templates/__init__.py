"""Text that a template engine has yet to fill in."""
