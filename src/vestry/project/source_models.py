"""The typed shape of `sources/*.yaml`: what each connector of ours is told, and what every source may say of itself.

Each model is what `vestry schema source` prints as JSON Schema, so the descriptions
here are what an editor shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from vestry.project.durations import is_time, seconds
from vestry.project.errors import listed
from vestry.project.models import Names, Schedule, Strict

#: As dlt's REST client names them.
PAGINATORS = ("auto", "json_link", "header_link", "header_cursor", "single_page", "cursor", "offset", "page_number")
AUTH = ("bearer", "api_key", "http_basic", "oauth2_client_credentials")


def _length(value: str) -> str:
    seconds(value)
    return value


def _paginator(value: Any) -> Any:
    return _of_type(value, PAGINATORS, "auto")


def _auth(value: Any) -> Any:
    return _of_type(value, AUTH, "bearer")


def _of_type(value: Any, known: Sequence[str], usual: str) -> Any:
    kind = value.get("type", usual) if isinstance(value, dict) else value
    if kind is not None and kind not in known:
        raise ValueError(f"of a type that there is: {listed(known, 'or')}")
    return value


#: A length of time: 30s, 15m, 1h, 1d.
Length = Annotated[str, AfterValidator(_length)]
Paginator = Annotated[str | dict[str, Any] | None, AfterValidator(_paginator)]


class SourceSettings(Strict):
    """What every source may say of itself, whatever its connector."""

    description: str | None = None
    owner: str | None = None
    schedule: Schedule | None = Field(
        default=None,
        description="When `vestry worker` loads it: a cron line such as 0 2 * * * (UK time), or `changes` for "
        "whenever it has something new. Default: only `vestry run` does.",
    )
    retries: int = Field(
        default=3, ge=0, le=20, description="How often a failed load is tried again, 1, 2, 4 … minutes later."
    )
    drift: Literal["evolve", "freeze", "quarantine"] = Field(
        default="evolve",
        description="When its columns change: evolve takes them, freeze loads nothing, quarantine sets the part aside.",
    )


def _as_span(value: Any) -> Any:
    """`1-8`, the first and the last character, as where it begins and how long it is."""
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+)\s*-\s*(\d+)", value.strip())):
        return int(found[1]), int(found[2]) - int(found[1]) + 1
    if isinstance(value, list) and len(value) == 2:
        return tuple(value)
    raise ValueError("`1-8` (the first and the last character, from 1) or `[1, 8]` (the first, and how many)")


#: A field of a line: where it begins (from 1), and how many characters it has.
Span = Annotated[
    tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
    BeforeValidator(_as_span),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}}]}),
]


def _is_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError("a regular expression, such as ^1") from error
    return value


FileFormat = Literal["csv", "tsv", "json", "ndjson", "xlsx", "parquet", "fixed", "xml", "geojson", "gpkg", "shapefile"]


class FileTable(Strict):
    """A table that comes as files: dropped in a folder, perhaps by several people."""

    files: Names = Field(description="Globs below the source's path. Files added later are found.")
    description: str | None = None
    format: FileFormat | None = Field(
        default=None, description="Found from the content where it is not given, but for `fixed`."
    )
    encoding: str | None = Field(default=None, description="Found where it is not given.")
    delimiter: str | None = Field(default=None, description="Found where it is not given.")
    sheet: str | int | list[str | int] | None = Field(
        default=None,
        description="Name or number (from 1) of the workbook's sheet; several, or a pattern such as `*`. "
        "Of a GeoPackage the layer.",
    )
    members: Names = Field(
        default_factory=list, description="Patterns of the files that are meant in an archive. Default: all."
    )
    header_row: int | None = Field(default=None, ge=1, description="Line of the header. Found where it is not given.")
    header_rows: int | None = Field(default=None, ge=1, le=2, description="2 where the header is two rows deep.")
    rows: str | None = Field(
        default=None,
        description="JSON: dotted path to the list of records. XML: path to the element that is a record, with `/`.",
    )
    fields: dict[str, Span] = Field(
        default_factory=dict, description="Fixed width: our name, and the first and last character, from 1: `1-8`."
    )
    lines: Annotated[str, AfterValidator(_is_pattern)] | None = Field(
        default=None, description="Fixed width: a pattern of the lines that are this table's records, such as `^1`."
    )
    crs: str | None = Field(
        default=None,
        description="Reference system of geometries, where the file does not say it: EPSG:27700 is the National Grid.",
    )
    columns: dict[str, Names] = Field(
        default_factory=dict, description="For headers that drift: our name, and every header it has had."
    )


class FileSource(SourceSettings):
    """Files in a folder, on an SFTP server or in an object store; text, workbooks, XML, Parquet, maps; also zipped."""

    connector: Literal["files"]
    path: str = Field(
        default=".",
        description="A folder, relative to the project; or sftp://user@server/folder, s3://bucket/folder. ${NAME} too.",
    )
    settle: Length | None = Field(
        default=None,
        description="A file that changed more recently waits: it may be on its way. Default: 30s; of a folder, 0s.",
    )
    password: str | None = Field(default=None, description="SFTP: as ${NAME}.")
    key: str | None = Field(default=None, description="SFTP: the private key, or the path of its file, as ${NAME}.")
    passphrase: str | None = Field(default=None, description="SFTP: the key's, as ${NAME}.")
    host_key: Names = Field(
        default_factory=list, description="SFTP: the server's fingerprint, SHA256:…, as its owner tells it."
    )
    known_hosts: str | None = Field(
        default=None, description="SFTP: OpenSSH's file of known hosts. Default: ~/.ssh/known_hosts."
    )
    options: dict[str, str] = Field(
        default_factory=dict,
        description="Settings of the object store, as the lake's, such as AWS_ENDPOINT_URL. Secrets as ${NAME}.",
    )
    tables: dict[str, FileTable] = Field(min_length=1)


class DatabaseTable(Strict):
    """A table of a database: read whole, what is new by a cursor column, or what differs from bronze."""

    table: str | None = Field(
        default=None, description="Its name there, with its schema where that is not the usual one."
    )
    description: str | None = None
    cursor: str | None = Field(
        default=None, description="A column that only grows (a number or time): only newer rows are read."
    )
    overlap: str | None = Field(
        default=None,
        description="Rows so far before the greatest cursor are read again, for clocks that differ and transactions "
        "that end late: 15m, or a number.",
    )
    changes: Literal["hash"] | None = Field(
        default=None,
        description="Where the system tells of no changes: compare all rows with bronze; `_change` says insert, "
        "update or delete.",
    )
    key: Names = Field(default_factory=list, description="What tells its rows apart. Default: its primary key.")
    chunk_rows: int | None = Field(default=None, ge=1, description="Read so many rows at a time, in the key's order.")
    columns: list[str] | None = Field(default=None, description="Only these columns. Default: all.")

    @model_validator(mode="after")
    def _one_way(self) -> DatabaseTable:
        if self.changes and self.cursor:
            raise ValueError("either `cursor` or `changes`: a table is read by one of them")
        if self.overlap and not self.cursor:
            raise ValueError("`overlap` needs `cursor`: it says how far before the greatest value is read again")
        return self


class DatabaseSource(SourceSettings):
    """A database, read through DuckDB's scanners: SQLite, PostgreSQL, MariaDB, MySQL, and what has an ODBC driver."""

    connector: Literal["database"]
    url: str | None = Field(
        default=None,
        description="sqlite:///path.sqlite, postgresql://user:${PASSWORD}@host/database, mysql://…, or "
        "odbc:DRIVER={…};SERVER=…;UID=…;PWD=${PASSWORD}.",
    )
    replica: str | None = Field(default=None, description="A copy of it that is asked first, as `url` is written.")
    backup: str | None = Field(
        default=None, description="Instead of `url`: a dump of pg_dump or mysqldump; the newest that fits a glob."
    )
    every: Length = Field(default="1h", description="A server is not asked more often than this: 30s, 15m, 1h, 1d.")
    window: str | None = Field(default=None, description="Only within these hours of the day: 22:00-05:00.")
    rows_per_second: int | None = Field(
        default=None, ge=1, description="At most so many, with a pause after each part."
    )
    statement_timeout: Length = Field(default="10m", description="How long the server may work at one question.")
    timezone: str = Field(default="Europe/London", description="Of times that the database keeps without a zone.")
    tables: dict[str, DatabaseTable | None] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_place(self) -> DatabaseSource:
        if (self.url is None) == (self.backup is None):
            raise ValueError("either `url` or `backup`: say where the database is")
        return self


class RestCursor(Strict):
    """What is asked for next time: the greatest value seen, or what is owed from before."""

    field: str = Field(description="The field of a record that only grows, such as changed_at.")
    param: str = Field(description="The query parameter that takes it.")
    start: str = Field(description="Asked for the first time.")
    until: str | None = Field(default=None, description="The query parameter that bounds it above, if there is one.")
    window: Length | None = Field(
        default=None,
        description="What is asked for is cut into pieces of this length, each got or owed by itself; needs `until`.",
    )
    overlap: Length | None = Field(
        default=None, description="Ask from so much earlier, for changes that the vendor writes late."
    )
    ordered: bool = Field(
        default=False,
        description="The vendor promises records in the cursor's order: so a broken-off answer is gone on from.",
    )

    @model_validator(mode="after")
    def _fits(self) -> RestCursor:
        if self.window and not self.until:
            raise ValueError("a cursor with `until` where it has `window`: the parameter that bounds a window above")
        if self.window and not seconds(self.window):
            raise ValueError("a cursor with a `window` longer than nothing")
        if (self.window or self.overlap) and not is_time(self.start):
            raise ValueError(
                "a cursor with a time as `start`, such as 2020-01-01T00:00:00Z, for `window` and `overlap`"
            )
        return self


class RestDeletes(Strict):
    """How deletes are found that the vendor does not announce: the keys that it has are compared with ours."""

    every: Length = Field(default="7d", description="How often the vendor's whole list of keys is read.")
    endpoint: str | None = Field(
        default=None, description="Where the list is; keys suffice. Default: the table's own, without its cursor."
    )
    params: dict[str, str | int] = Field(default_factory=dict)
    rows: str | None = Field(default=None, description="JSON path of the list. Found where not given.")
    paginator: Paginator = Field(default=None, description="Default: the table's own.")


class RestTable(Strict):
    """One endpoint of an API, or a list within the records of another table."""

    endpoint: str | None = None
    from_: str | None = Field(
        default=None, alias="from", description="A table of this source in whose records this one's are nested."
    )
    description: str | None = None
    params: dict[str, str | int] = Field(default_factory=dict)
    rows: str | None = Field(
        default=None,
        description="JSON path of the list of records, found where not given; with `from`, the field that holds them.",
    )
    cursor: RestCursor | None = None
    key: Names = Field(default_factory=list, description="Fields that tell one thing from another.")
    paginator: Paginator = Field(
        default=None, description="As dlt's REST client names them, such as json_link. Found where not given."
    )
    deletes: RestDeletes | None = Field(default=None, description="Find what the vendor deletes without a word.")

    @model_validator(mode="after")
    def _fits(self) -> RestTable:
        if (self.endpoint is None) == (self.from_ is None):
            raise ValueError("a table with either `endpoint` or `from`")
        if self.from_ and (not self.rows or self.cursor or self.deletes):
            raise ValueError("a table with `rows`, and no `cursor` or `deletes` of its own, where it has `from`")
        if self.deletes and not (self.cursor and self.key):
            raise ValueError("a table with `cursor` and `key` where it has `deletes`; read whole, it loses them anyway")
        return self


def _known_parents(tables: dict[str, RestTable]) -> dict[str, RestTable]:
    for table in tables.values():
        parent = tables.get(table.from_) if table.from_ else None
        if table.from_ and (parent is None or parent.from_):
            raise ValueError(f"tables whose `from` is one with an endpoint: `{table.from_}` is none")
    return tables


class RestSource(SourceSettings):
    """A vendor's API over HTTP, read with dlt's REST client."""

    connector: Literal["rest"]
    url: str
    headers: dict[str, str] = Field(default_factory=dict, description="Secrets as ${NAME}.")
    auth: Annotated[dict[str, Any] | None, AfterValidator(_auth)] = Field(
        default=None,
        description="type: api_key, bearer, http_basic or oauth2_client_credentials, and its settings as dlt's REST "
        "client names them; secrets as ${NAME}.",
    )
    every: Length = Field(default="1h", description="Not asked more often than this: 30s, 15m, 1h, 1d.")
    patience: Length = Field(
        default="1m", description="How long one load waits in all for a vendor that is busy or errs."
    )
    when_down: str | None = Field(
        default=None, description="What to do, or whom to ring, when it does not answer: said with the error."
    )
    tables: Annotated[dict[str, RestTable], AfterValidator(_known_parents)] = Field(min_length=1)
