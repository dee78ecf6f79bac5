"""What Dockerfiles say: their instructions, words and stages; `dockerfile_launches` says what they start."""
