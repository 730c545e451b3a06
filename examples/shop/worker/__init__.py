"""The shop's own worker: the library has nothing of that name."""
