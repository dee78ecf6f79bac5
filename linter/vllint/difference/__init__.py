"""What a change of files does to the launches in them."""
