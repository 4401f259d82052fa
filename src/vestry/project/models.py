"""The typed shape of a council project's files: `vestry.toml`, sources, domains.

Each model is what `vestry schema` prints as JSON Schema, so the descriptions here
are what an editor shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from vestry.project.durations import is_time, seconds
from vestry.project.errors import listed


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Council(Strict):
    """Whose project this is. One platform may hold several councils while they merge."""

    name: str = Field(description="The council's name, as people read it.")
    code: str | None = Field(default=None, description="Its GSS code, such as E06000031.")


class LakeSettings(Strict):
    """Where tables lie."""

    location: str = Field(default="lake", description="A folder of the project, or the URL of an object store.")
    options: dict[str, str] = Field(
        default_factory=dict,
        description="Settings of the object store, such as AWS_ENDPOINT_URL. Secrets as ${NAME}.",
    )
    keep_days: int = Field(default=30, ge=1, description="How long old versions are kept for time travel.")


class EngineSettings(Strict):
    """How much of the machine the engine may use."""

    memory_limit: str | None = Field(default=None, description="For all steps together, such as 4GB. Default: half.")
    threads: int | None = Field(default=None, ge=1, description="Default: one a core.")
    parallel: int | None = Field(default=None, ge=1, description="Steps side by side. Default: one a core, at most 4.")


class Settings(Strict):
    """`vestry.toml`."""

    council: Council
    lake: LakeSettings = Field(default_factory=LakeSettings)
    engine: EngineSettings = Field(default_factory=EngineSettings)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_TEXT_OR_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


def _three_parts(value: str) -> str:
    if len(value.split(".")) != 3 or not all(value.split(".")):
        raise ValueError(f"the name of a table in three parts, domain.product.table; `{value}` is none")
    return value


#: The name of a table.
TableText = Annotated[str, AfterValidator(_three_parts)]
#: One text or a list of texts.
Names = Annotated[list[str], BeforeValidator(_as_list), WithJsonSchema(_TEXT_OR_TEXTS)]


class SourceSettings(Strict):
    """What every source may say of itself, whatever its connector."""

    description: str | None = None
    owner: str | None = None


class FileTable(Strict):
    """A table that comes as files: dropped in a folder, perhaps by several people."""

    files: Names = Field(description="Globs below the source's path. Files added later are found.")
    description: str | None = None
    format: Literal["csv", "tsv", "json", "ndjson", "xlsx", "parquet"] | None = Field(
        default=None, description="Found from the content where it is not given."
    )
    encoding: str | None = Field(default=None, description="Found where it is not given.")
    delimiter: str | None = Field(default=None, description="Found where it is not given.")
    sheet: str | int | None = Field(default=None, description="Name or number (from 1) of the workbook's sheet.")
    header_row: int | None = Field(default=None, ge=1, description="Line of the header. Found where it is not given.")
    header_rows: int | None = Field(default=None, ge=1, le=2, description="2 where the header is two rows deep.")
    rows: str | None = Field(default=None, description="JSON: dotted path to the list of records.")
    columns: dict[str, Names] = Field(
        default_factory=dict, description="For headers that drift: our name, and every header it has had."
    )


class FileSource(SourceSettings):
    """Files in a folder: CSV, TSV, JSON, NDJSON, XLSX, Parquet."""

    connector: Literal["files"]
    path: str = Field(default=".", description="The folder, relative to the project, or ${NAME}.")
    tables: dict[str, FileTable] = Field(min_length=1)


class DatabaseTable(Strict):
    """A table of a database: read whole, or what is new by a cursor column."""

    table: str | None = Field(default=None, description="Its name there. Default: the same name.")
    description: str | None = None
    cursor: str | None = Field(
        default=None, description="A column that only grows (a number or time): only newer rows are read."
    )
    columns: list[str] | None = Field(default=None, description="Only these columns. Default: all.")


class DatabaseSource(SourceSettings):
    """A database, read through DuckDB's scanners."""

    connector: Literal["database"]
    url: str = Field(description="sqlite:///path/below/the/project.sqlite; secrets as ${NAME}.")
    tables: dict[str, DatabaseTable | None] = Field(min_length=1)


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


class DomainFile(Strict):
    """`domain.yaml`: a business area that owns its data."""

    name: str = Field(description="As people read it.")
    description: str | None = Field(default=None, description="What the domain is for.")
    owner: str = Field(description="Who answers for the data.")
    steward: str | None = Field(default=None, description="Who looks after it from day to day.")


class SnapshotFile(Strict):
    """`<table>.snapshot.yaml`: the current state, and the history, of a feed of changes."""

    from_: str = Field(alias="from", description="The bronze table of changes.")
    key: Names = Field(description="The columns that tell one thing from another.")
    order_by: Names = Field(description="The columns that say which change is later.")
    deleted_when: str | None = Field(default=None, description="SQL that is true of a change that deletes.")
    history: bool = Field(
        default=False, description="Also `<table>_history`, every state with valid_from and valid_to."
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="Our column: SQL over the change. Default: the contract's columns by name."
    )
    valid_from: str | None = Field(default=None, description="SQL of when a change took effect. Default: order_by.")
