"""The autopilot: it watches the database while runs work on it, and says how much they may do.

    signals -> monitor -> law -> what the store lets workers do

`signals` ask the database, `law` decides and is pure, `monitor` does both for all workers, in one place at a time.
"""
