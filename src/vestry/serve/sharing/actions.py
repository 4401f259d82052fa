"""Answers as the protocol writes them: a line of JSON for each fact, in its Parquet form or its Delta form.

The statistics of a file are its number of rows, and nothing of any column.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from vestry.governance.access.release import columns_of
from vestry.lake.types import delta_schema
from vestry.serve.sharing.addresses import LIFETIME
from vestry.serve.sharing.history import Change, File, Kept, Snapshot

CAPABILITIES = "delta-sharing-capabilities"
VERSION = "delta-table-version"
#: Names of the protocol's two forms.
PARQUET, DELTA = "parquet", "delta"
Line = dict[str, Any]


@dataclass(frozen=True)
class Form:
    """The form of an answer, as the client can take it; `has_end` where it wants a last line that says so."""

    name: str
    has_end: bool

    @classmethod
    def of(cls, header: str) -> Form:
        """What a client asks for: the Delta form only where it takes no other, as every table can be read in both."""
        said = dict(part.strip().lower().partition("=")[::2] for part in header.split(";"))
        forms = {form.strip() for form in said.get("responseformat", PARQUET).split(",")}
        name = DELTA if DELTA in forms and PARQUET not in forms else PARQUET
        return cls(name, said.get("includeendstreamaction") == "true")

    @property
    def header(self) -> str:
        return f"responseformat={self.name}" + (";includeEndStreamAction=true" if self.has_end else "")


@dataclass(frozen=True)
class Writer:
    """Writes answers of one release in one form; `address` gives the URL of a file, good until `until` (seconds)."""

    kept: Kept
    form: Form
    address: Callable[[str], str]
    until: int

    def head(self, version: int | None = None) -> Iterator[Line]:
        """The protocol and the columns; with the version for which they hold, in a feed of changes."""
        about: Line = {
            # Another rule of reading is another table to whoever keeps a copy.
            "id": str(uuid.UUID(hashlib.sha256(str(self.kept.table).encode()).hexdigest()[:32])),
            "format": {"provider": "parquet"},
            "schemaString": delta_schema(list(columns_of(self.kept.view))).to_json(),
            "partitionColumns": [],
            "configuration": {} if version is None else {"delta.enableChangeDataFeed": "true"},
        }
        at = {} if version is None else {"version": version}
        if self.form.name == DELTA:
            about["format"]["options"] = {}
            yield {"protocol": {"deltaProtocol": {"minReaderVersion": 1, "minWriterVersion": 4 if at else 2}}}
            yield {"metaData": {"deltaMetadata": about, **at}}
        else:
            yield {"protocol": {"minReaderVersion": 1}}
            yield {"metaData": about | at}

    def snapshot(self, snapshot: Snapshot, files: Iterable[File]) -> Iterator[Line]:
        """A table at a version."""
        yield from self.head()
        for file in files:
            if self.form.name == DELTA:
                yield self._delta("add", file, snapshot.at, {})
            else:
                yield {"file": self._parquet(file) | {"stats": _statistics(file)}}
        yield from self._end()

    def changes(self, first: int, changes: Iterable[Change]) -> Iterator[Line]:
        """What came and what went, version by version."""
        yield from self.head(first)
        for change in changes:
            at = {"version": change.version, "timestamp": change.at}
            for kind, files in (("remove", change.went), ("add", change.came)):
                for file in files:
                    if self.form.name == DELTA:
                        yield self._delta(kind, file, change.at, at)
                    else:
                        more = {"stats": _statistics(file)} if kind == "add" else {}
                        yield {kind: self._parquet(file) | at | more}
        yield from self._end()

    def _parquet(self, file: File) -> Line:
        return {
            "url": self.address(file.name),
            "id": _id(file),
            "partitionValues": {},
            "size": file.size,
            "expirationTimestamp": self.until * 1000,
        }

    def _delta(self, kind: str, file: File, moment: int, at: Line) -> Line:
        action: Line = {"path": self.address(file.name), "partitionValues": {}, "size": file.size, "dataChange": True}
        if kind == "add":
            action |= {"modificationTime": moment, "stats": _statistics(file)}
        else:
            action |= {"deletionTimestamp": moment, "extendedFileMetadata": True}
        said = {"id": _id(file), "expirationTimestamp": self.until * 1000, "deltaSingleAction": {kind: action}}
        return {"file": said | at}

    def _end(self) -> Iterator[Line]:
        if self.form.has_end:
            yield {"endStreamAction": {"minUrlExpirationTimestamp": self.until * 1000}}


def lines(said: Iterable[Line]) -> Iterator[bytes]:
    return (json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in said)


def expiry(at: int) -> int:
    """Until when addresses are good that are given now (seconds since 1970)."""
    return at + LIFETIME


def _id(file: File) -> str:
    return hashlib.sha256(file.name.encode()).hexdigest()[:32]


def _statistics(file: File) -> str:
    return json.dumps({"numRecords": file.rows})
