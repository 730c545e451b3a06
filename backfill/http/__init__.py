"""The HTTP edge: start runs, watch them and act on them; every error is a problem document."""
