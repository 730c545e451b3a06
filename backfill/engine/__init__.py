"""Slices, the batch loop, reconciling, verifying and control; speaks to store and backfill by protocols."""
