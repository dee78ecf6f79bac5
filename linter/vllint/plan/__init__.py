"""Which layout a model can take on given machines, and which of them to take."""
