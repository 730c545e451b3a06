"""The shipped backfill `generation-versions`: its SQL, and the little Python that runs it."""

NAME = "generation-versions"
ABOUT = "Gives every generation its version, storage path and active flag."
