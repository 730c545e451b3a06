"""Versions as objects in a store that speaks S3, an archive each: `<project>/generations/v<N>__<id>.tar.gz`.

An object is there whole or not at all. It is uploaded under the name of a draft, before rows are locked, and copied by
the store itself under its final name. What a folder has besides its files is an object of its own: the patch, and the
name of the active version. Needs the extra `s3`.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from secrets import token_hex
from tempfile import TemporaryFile
from typing import IO, Any

from backfill.definitions import Refused
from worker.files.folders import told
from worker.files.layout import ACTIVE, GENERATIONS, MANIFEST, PARTIAL, SOURCE, Place, patch_name
from worker.files.manifest import About, Damaged, Manifest, load_manifest
from worker.files.sources import Away, FlatFolder, Source, require_countable
from worker.files.storage import Staged, StagedPatch

ARCHIVE = ".tar.gz"
# An archive is read into memory to be looked at.
OLD_DRAFT_SECONDS = 3_600
LARGEST_READ_BYTES = 512 * 2**20


@dataclass(slots=True, kw_only=True)
class StagedObject:
    """Uploaded under the key of a draft."""

    manifest: Manifest
    key: str
    delete: Callable[[str], None]

    def discard(self) -> None:
        with suppress(Refused, Away):  # whoever brings the same version again takes it away
            self.delete(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchObject:
    """An object is there whole or not at all: it needs no draft."""

    key: str
    patch: bytes
    put: Callable[[str, bytes], None]

    def publish(self) -> None:
        self.put(self.key, self.patch)

    def discard(self) -> None:
        """There is nothing."""


class ObjectStore:
    """`root_why_not` says whether the flat copies are there, which are files all the same; `client` is one of boto3."""

    def __init__(self, client: Any, bucket: str, *, written: str, root_why_not: Callable[[], str | None]) -> None:
        self._client = client
        self._bucket = bucket
        self._written = written
        self._root_why_not = root_why_not

    def why_not(self) -> str | None:
        if why_not := self._root_why_not():
            return why_not
        try:
            with _told():
                self._client.head_bucket(Bucket=self._bucket)
        except (Refused, Away, FileNotFoundError) as error:
            return f"The bucket {self._bucket} cannot be used: {error}. Check FILE_STORAGE_BUCKET and the credentials."
        return None

    def stage(self, place: Place, source: Source, about: About) -> StagedObject:
        total = require_countable(source.files)
        paths = tuple(sorted(file.path for file in source.files))
        manifest = Manifest(place=place, files=paths, total_size_bytes=total)
        drafts = f"{place.project_id}/{GENERATIONS}/{PARTIAL}/{place.name}."
        self._take_away_the_old(drafts)
        with told(), TemporaryFile() as file:
            _pack(file, source, manifest, about)
            if isinstance(source, FlatFolder):
                source.require_unchanged()
            file.seek(0)
            key = f"{drafts}{token_hex(6)}{ARCHIVE}"
            with _told():
                self._client.put_object(Bucket=self._bucket, Key=key, Body=file)
        return StagedObject(manifest=manifest, key=key, delete=self._delete)

    def publish(self, staged: Sequence[Staged]) -> None:
        for one in staged:
            if isinstance(one, StagedObject):
                key, where = one.manifest.place.key + ARCHIVE, {"Bucket": self._bucket, "Key": one.key}
                with _told():
                    self._client.copy_object(Bucket=self._bucket, Key=key, CopySource=where)

    def flush(self) -> None:
        """What the store has answered for is kept."""

    def look(self, place: Place) -> Manifest | None:
        found = self._fetched(place)
        if found is None:
            return None
        content, files = found
        try:
            manifest = load_manifest(files.pop(MANIFEST), place, written_ns=_made_at(content))
        except KeyError:
            raise Damaged("its archive has no manifest") from None
        sizes = {path.removeprefix(f"{SOURCE}/"): len(one) for path, one in files.items()}
        if sizes.keys() != set(manifest.files):
            raise Damaged("its archive has other files than its manifest names")
        if sum(sizes.values()) != manifest.total_size_bytes:
            raise Damaged("its files have other sizes than its manifest says")
        return manifest

    @contextmanager
    def reading(self, place: Place) -> Iterator[Callable[[str], bytes]]:
        found = self._fetched(place)
        if found is None:
            raise FileNotFoundError(place.name)
        files = found[1]

        def read(path: str) -> bytes:
            if f"{SOURCE}/{path}" not in files:
                raise FileNotFoundError(place.name)
            return files[f"{SOURCE}/{path}"]

        yield read

    def remove(self, place: Place) -> None:
        for key in self._keys(f"{place.key}."):
            self._delete(key)

    def stage_patch(self, place: Place, from_version: int, patch: bytes) -> StagedPatch:
        return PatchObject(key=_patch_key(place, from_version), patch=patch, put=self._put)

    def has_patch(self, place: Place, from_version: int) -> bool:
        try:
            with _told():
                self._client.head_object(Bucket=self._bucket, Key=_patch_key(place, from_version))
        except FileNotFoundError:
            return False
        return True

    def point(self, project_id: str, place: Place | None) -> bool:
        if self.pointed(project_id) == (None if place is None else place.name):
            return False
        key = f"{project_id}/{GENERATIONS}/{ACTIVE}"
        if place is None:
            self._delete(key)
        else:
            self._put(key, place.name.encode())
        return True

    def pointed(self, project_id: str) -> str | None:
        content = self._get(f"{project_id}/{GENERATIONS}/{ACTIVE}")
        return None if content is None else content.decode("utf-8", "replace")

    def names(self, project_id: str) -> Iterator[str]:
        prefix = f"{project_id}/{GENERATIONS}/"
        for key in self._keys(prefix):
            if key.endswith(ARCHIVE) and "/" not in key.removeprefix(prefix):
                yield key.removeprefix(prefix).removesuffix(ARCHIVE)

    def projects(self) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Delimiter="/")
        with _told():
            for page in pages:
                yield from (one["Prefix"].removesuffix("/") for one in page.get("CommonPrefixes", ()))

    def path(self, place: Place) -> str:
        """As in a folder: the application knows by its own setting where that is."""
        return f"{self._written}/{place.key}"

    def patch_path(self, place: Place, from_version: int) -> str:
        return f"{self.path(place)}/{patch_name(from_version)}"

    def _take_away_the_old(self, drafts: str) -> None:
        """Of a worker that was killed, long enough ago that nobody can still be at it."""
        with _told():
            found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=drafts).get("Contents", ())
        for one in found:
            if time.time() - one["LastModified"].timestamp() > OLD_DRAFT_SECONDS:
                self._delete(one["Key"])

    def _fetched(self, place: Place) -> tuple[bytes, dict[str, bytes]] | None:
        """The archive, and its files by their paths below the version's folder. Raises Damaged."""
        content = self._get(place.key + ARCHIVE)
        if content is None:
            return None
        try:
            return content, _unpacked(content, f"{place.name}/")
        except (tarfile.TarError, EOFError, OSError, zlib.error):
            raise Damaged("its archive is damaged") from None

    def _get(self, key: str) -> bytes | None:
        try:
            with _told():
                found = self._client.get_object(Bucket=self._bucket, Key=key)
                if found["ContentLength"] > LARGEST_READ_BYTES:
                    raise Damaged("its archive is larger than it may be")
                content: bytes = found["Body"].read()
                return content
        except FileNotFoundError:
            return None

    def _put(self, key: str, content: bytes) -> None:
        with _told():
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content)

    def _delete(self, key: str) -> None:
        with _told():
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def _keys(self, prefix: str) -> list[str]:
        with _told():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return [one["Key"] for page in pages for one in page.get("Contents", ())]


def connect(endpoint: str) -> Any:
    """A client of boto3, which finds credentials and region as it always does. Refused where it is not installed."""
    try:
        import boto3  # noqa: PLC0415 - an extra
        from botocore.config import Config  # noqa: PLC0415 - an extra
    except ImportError:
        raise Refused("boto3 is not installed: pip install 'online-backfill[s3]'") from None
    patience = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 4})
    return boto3.client("s3", endpoint_url=endpoint or None, config=patience)


@contextmanager
def _told() -> Iterator[None]:
    """What the store answers, by its code alone. Raises FileNotFoundError, Away, Refused."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an extra

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in {"404", "NoSuchKey", "NotFound"}:
            raise FileNotFoundError("there is no such object or bucket") from None
        if status >= 500 or code in {"SlowDown", "RequestTimeout"}:
            raise Away(f"the object store answers {code}") from None
        raise Refused(f"the object store refuses: {code}") from None
    except BotoCoreError as error:
        raise Away(f"the object store cannot be reached ({type(error).__name__})") from None


def _pack(file: IO[bytes], source: Source, manifest: Manifest, about: About) -> None:
    name = manifest.place.name
    # The time of what was copied, by which it is told from what was written later.
    made_at = source.newest_ns // 1_000_000_000
    with (
        gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=made_at) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for one in source.files:
            _add(archive, f"{name}/{SOURCE}/{one.path}", b"".join(source.read(one)), one.mode)
        _add(archive, f"{name}/{MANIFEST}", manifest.dump(about), 0o644)


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _unpacked(content: bytes, prefix: str) -> dict[str, bytes]:
    """In memory, where a path in an archive leads nowhere."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        left = LARGEST_READ_BYTES
        for entry in archive:
            left -= entry.size
            found = archive.extractfile(entry) if entry.isfile() and left >= 0 else None
            if found is None or not entry.name.startswith(prefix):
                raise Damaged("its archive has something in it that is none of its files")
            files[entry.name.removeprefix(prefix)] = found.read()
    return files


def _made_at(content: bytes) -> int:
    """From the head of a gzip file, in nanoseconds, as long as its second lasts."""
    return int.from_bytes(content[4:8], "little") * 1_000_000_000 + 999_999_999


def _patch_key(place: Place, from_version: int) -> str:
    return f"{place.key}.{patch_name(from_version)}"
