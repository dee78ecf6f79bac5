"""Rules of speculative decoding."""
