"""What the headers of weight files say, without reading the weights."""
