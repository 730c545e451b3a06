"""The commands, a module for each thing that one can do."""
