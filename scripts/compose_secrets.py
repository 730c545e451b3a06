#!/usr/bin/env python3
"""Makes the files of secrets that docker-compose.yml names, with random passwords; never touches one that is there.

The containers' accounts are not this one's, so the files may be read by everybody, and the folder that they are in
by nobody else: Docker hands each container single files out of it. Valkey and the HTTP service get hashes only.
"""

from __future__ import annotations

import argparse
import hashlib
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from backfill.http.tokens import Scope, new_token

FOLDER = Path("secrets")
PASSWORD_BYTES = 24


def secret_files() -> Mapping[str, str]:
    """Name and content of every file."""
    postgres, valkey = secrets.token_urlsafe(PASSWORD_BYTES), secrets.token_urlsafe(PASSWORD_BYTES)
    database_url = f"postgresql://codebegen:{postgres}@postgres:5432/codebegen"
    operator_token, entry = new_token("operator", Scope.OPERATE)
    return {
        "postgres_password": postgres,
        "migrator_database_url": database_url,
        "worker_database_url": database_url,
        "api_database_url": database_url,
        "redis_password": valkey,
        "redis_url": f"redis://:{valkey}@valkey:6379/0",
        "valkey_acl": f"user default on #{hashlib.sha256(valkey.encode()).hexdigest()} ~* &* +@all",
        "operator_token": operator_token,
        "api_tokens": entry.line(),
    }


def write(folder: Path) -> None:
    """All files or none: they belong together. Raises FileExistsError where there is any already."""
    files = secret_files()
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise FileExistsError(", ".join(there))
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    for name, content in files.items():
        (folder / name).write_text(f"{content}\n", encoding="utf-8")
        (folder / name).chmod(0o444)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    try:
        write(folder)
    except FileExistsError as error:
        print(f"error: {folder} has secrets already ({error}). Nothing was changed.", file=sys.stderr)
        return 2
    print(f"Made {folder}; the token for the dashboard is in {folder / 'operator_token'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
