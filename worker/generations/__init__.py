"""The shipped backfill `generation-versions`: its SQL, and the little Python that runs it."""
