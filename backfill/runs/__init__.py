"""Values and rules of a run; the standard library only, no I/O."""
