"""Shell scripts: read with bash's grammar, walked without running them."""
