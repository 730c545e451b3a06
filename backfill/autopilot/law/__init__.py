"""The control law: from what was read to how much may be done. Values and rules, the standard library only.

Time is passed in, so that all of it can be played through on a simulated database with a clock of its own.
"""
