"""A partner's Delta Share: another council's tables, or the NHS's, by the open Delta Sharing protocol.

https://github.com/delta-io/delta-sharing/blob/main/PROTOCOL.md. Why not its Python client:
docs/decisions/022-sharing-and-harvest.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote as quoted_url

from pydantic import AfterValidator, Field, model_validator

from vestry.ingest.connector import LOAD_COLUMNS, Context, Part
from vestry.ingest.fingerprints import number
from vestry.ingest.web import Refused, ask, checked_url
from vestry.project import DataError, VestryError, literal, quote
from vestry.project.errors import did_you_mean
from vestry.project.models import Strict
from vestry.project.project import expand
from vestry.project.source_models import SourceSettings

if TYPE_CHECKING:
    import duckdb
    import requests

VERSION, SETTINGS = "vestry.shared_version", "vestry.shared_as"
_CHANGE = ("_change_type", "_commit_version", "_commit_timestamp")
#: Files that are downloaded side by side.
_PARALLEL = 4


def _in_three(value: str) -> str:
    if len(value.split(".")) != 3 or not all(value.split(".")):
        raise ValueError(f"a table of a share in three parts, share.schema.table; `{value}` is none")
    return value


class SharedTable(Strict):
    """A table that a partner shares: its newest version, or each change since the last load."""

    table: Annotated[str, AfterValidator(_in_three)] = Field(description="As the partner names it: share.schema.table.")
    description: str | None = None
    changes: bool = Field(
        default=False,
        description="Take the change data feed, with _change_type and _commit_version, and add it to what is there.",
    )


class SharingSource(SourceSettings):
    """A partner's tables by Delta Sharing."""

    connector: Literal["delta_sharing"]
    profile: str | None = Field(default=None, description="Path of the profile file that the partner sent, or ${NAME}.")
    endpoint: str | None = Field(default=None, description="In place of a profile: the address of the server.")
    token: str | None = Field(default=None, description="With `endpoint`: the bearer token, as ${NAME}.")
    tables: dict[str, SharedTable] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_way_in(self) -> SharingSource:
        if bool(self.profile) == bool(self.endpoint) or bool(self.endpoint) != bool(self.token):
            raise ValueError("either `profile`, or `endpoint` and `token`")
        return self


class SharingConnector:
    """Tables of a share. Whether one has changed costs one small question: its version."""

    Settings = SharingSource

    def news(self, context: Context) -> str | None:
        had = _had(context)
        if had is None:
            return "not loaded yet"
        version = _Share.of(context).version()
        return None if version == had else f"the partner's table is at version {version}, and ours at {had}"

    def parts(self, context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
        spec: SharedTable = context.spec
        share, had = _Share.of(context), _had(context)
        if spec.changes and had is not None:
            version = share.version()
            if version == had:
                return
            if version < had:
                what = f"the partner's table went back from version {had} to {version}: it was made anew"
                raise DataError(what, context.where, "ask the partner; to begin again, take its bronze table away")
            answer = share.changes(had + 1, version)
        else:
            answer = share.snapshot()
        shared = _Download(share, answer, workdir)
        yield Part(
            origin=spec.table,
            select=shared.select(con, spec.changes),
            rows=shared.rows,
            replaces="nothing" if answer.since is not None else "table",
            marks={VERSION: answer.version, SETTINGS: _settings(context)},
            record={"version": answer.version, "since": answer.since, "files": len(answer.files)},
        )


def _had(context: Context) -> int | None:
    """The version that bronze has; None where it has none, or one of another table or kind."""
    return context.mark(VERSION) if context.mark(SETTINGS) == _settings(context) else None


def _settings(context: Context) -> int:
    return number(context.spec.table, context.spec.changes)


@dataclass(frozen=True)
class SharedFile:
    """A Parquet file of an answer: `kind` is file, add, remove or cdf."""

    id: str
    url: str = field(repr=False)
    size: int
    kind: str
    partition: Mapping[str, str | None]
    version: int | None
    timestamp: int | None


@dataclass(frozen=True)
class Answer:
    """What a query or a change feed names: files, and the columns that they make together."""

    version: int
    since: int | None
    #: Column -> DuckDB's type, in the table's order.
    columns: Mapping[str, str]
    #: Those of them that hold structs, maps or lists: the load keeps such as JSON.
    nested: frozenset[str]
    files: tuple[SharedFile, ...]


class _Share:
    """One table of a server, as the protocol lets it be asked."""

    def __init__(self, context: Context, endpoint: str, token: str) -> None:
        import requests

        self.where = context.where
        self.name: str = context.spec.table
        self._base = checked_url(endpoint.rstrip("/"), context.where, secret=True)
        share, schema, table = (quoted_url(part, safe="") for part in self.name.split("."))
        self._share, self._table = f"/shares/{share}", f"/shares/{share}/schemas/{schema}/tables/{table}"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        # With an end to each list of files, one that was cut on its way is known for it.
        self._session.headers["delta-sharing-capabilities"] = "responseformat=parquet;includeEndStreamAction=true"

    @classmethod
    def of(cls, context: Context) -> _Share:
        settings: SharingSource = context.settings
        env, where = context.project.env, context.where
        if settings.endpoint and settings.token:
            return cls(context, expand(settings.endpoint, where, env), expand(settings.token, where, env))
        return cls(context, *_profile(context.project.root / expand(settings.profile or "", where, env), where))

    def version(self) -> int:
        return self._version_of(self._ask("GET", f"{self._table}/version"))

    def snapshot(self, version: int | None = None) -> Answer:
        asked = {} if version is None else {"version": version}
        answer = self._ask("POST", f"{self._table}/query", json=asked)
        return self._read(answer, None)

    def changes(self, first: int, last: int) -> Answer:
        """What changed from the version `first` to `last`, both included."""
        params = {"startingVersion": first, "endingVersion": last, "includeHistoricalMetadata": "false"}
        try:
            answer = self._ask("GET", f"{self._table}/changes", params=params)
        except Refused as error:
            if error.status not in (400, 404, 501):
                raise
            mend = "ask the partner to share its history; or leave `changes` out, and the whole table is read"
            what = f"the partner does not offer the changes of {self.name} since version {first}"
            raise DataError(what, self.where, mend) from None
        return self._read(answer, first, last)

    def again(self, answer: Answer) -> Answer:
        """The same answer with new addresses: those of before have run out."""
        return self.snapshot(answer.version) if answer.since is None else self.changes(answer.since, answer.version)

    def _read(self, answer: requests.Response, since: int | None, last: int | None = None) -> Answer:
        from deltalake import Schema

        from vestry.lake.types import duckdb_columns

        try:
            lines = [json.loads(line) for line in answer.text.splitlines() if line.strip()]
            kinds = [next(iter(line)) for line in lines]
            metadata = next(line["metaData"] for line in lines if "metaData" in line)
            protocol = next(line["protocol"] for line in lines if "protocol" in line)
            columns = duckdb_columns(Schema.from_json(metadata["schemaString"]))
            fields = json.loads(metadata["schemaString"])["fields"]
            nested = frozenset(field["name"] for field in fields if isinstance(field["type"], dict))
            files = tuple(_file(kind, line[kind]) for kind, line in zip(kinds, lines, strict=True) if kind in _FILES)
        except Exception:  # what was received may be of any shape
            raise self._odd("its answer is cut off, or none of Delta Sharing") from None
        if "includeendstreamaction=true" in answer.headers.get("delta-sharing-capabilities", "").lower() and (
            kinds[-1] != "endStreamAction" or lines[-1]["endStreamAction"].get("errorMessage")
        ):
            raise self._odd("its answer is cut off")
        if int(protocol.get("minReaderVersion", 1)) > 1:
            raise self._odd("the table has features that this protocol's Parquet form cannot give")
        return Answer(last if last is not None else self._version_of(answer), since, columns, nested, files)

    def _version_of(self, answer: requests.Response) -> int:
        said = answer.headers.get("delta-table-version", "")
        if not said.isdigit():
            raise self._odd("its answer names no version")
        return int(said)

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        try:
            return ask(self._session, method, self._base + path, self.where, **more)
        except Refused as error:
            if error.status == 401:
                what = "the partner's server does not take the token: it has run out, or was withdrawn"
                raise DataError(what, self.where, "ask the partner for a new profile, and put it in place") from None
            if error.status in (403, 404) and not path.endswith("/changes"):
                what = f"the partner does not share {self.name} with this token"
                raise DataError(what, self.where, self._known()) from None
            raise

    def _known(self) -> str:
        """The nearest names of the share, as far as the server tells them."""
        try:
            answer = ask(self._session, "GET", f"{self._base}{self._share}/all-tables", self.where)
            names = [f"{i['share']}.{i['schema']}.{i['name']}" for i in answer.json().get("items", [])]
        except (VestryError, ValueError, KeyError, TypeError, AttributeError):
            return "ask the partner for the names of the share, the schema and the table"
        return did_you_mean(self.name, names, "ask the partner to share it")

    def _odd(self, why: str) -> DataError:
        what = f"{self.name} cannot be read from the partner's server: {why}; nothing was loaded"
        return DataError(what, self.where, "the next run asks again; if it stays so, ask the partner")


_FILES = ("file", "add", "remove", "cdf")


def _file(kind: str, action: Mapping[str, Any]) -> SharedFile:
    return SharedFile(
        id=f"{kind} {action['id']} {action.get('version')}",
        url=action["url"],
        size=int(action["size"]),
        kind=kind,
        partition=dict(action.get("partitionValues") or {}),
        version=action.get("version"),
        timestamp=action.get("timestamp"),
    )


class _Download:
    """The files of an answer on this machine, and SQL over them."""

    def __init__(self, share: _Share, answer: Answer, workdir: Path) -> None:
        import pyarrow.parquet as pq

        self._share, self._answer = share, answer
        self._paths = {file.id: workdir / f"{at}.parquet" for at, file in enumerate(answer.files)}
        self._fetch()
        try:
            self.rows = sum(pq.read_metadata(path).num_rows for path in self._paths.values())
        except Exception:
            raise share._odd("a file of it is no Parquet") from None

    def select(self, con: duckdb.DuckDBPyConnection, changes: bool) -> str:
        """All rows, with the columns of the table; of changes also what each change was."""
        answer = self._answer
        wanted = [name for name in answer.columns if name not in _CHANGE]
        extra = _CHANGE if changes else ()
        if not answer.files:
            nothing = [f"NULL::{answer.columns[n]} AS {quote(_kept_as(n))}" for n in wanted]
            kinds = ("VARCHAR", "BIGINT", "TIMESTAMPTZ")
            nothing += [f"NULL::{kind} AS {n}" for n, kind in zip(extra, kinds, strict=False)]
            return f"SELECT {', '.join(nothing)}, 0::BIGINT AS _row WHERE false"
        paths = ", ".join(literal(str(path)) for path in self._paths.values())
        read = f"read_parquet([{paths}], union_by_name = true, filename = '_shared_file', hive_partitioning = false)"
        there = {str(row[0]) for row in con.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()}
        partition = sorted({name for file in answer.files for name in file.partition})
        rows = ", ".join(self._about(file, partition) for file in answer.files)
        about = ["path", "kind", "version", "moment", *(f"p{n}" for n in range(len(partition)))]
        columns = []
        for name in wanted:
            kind = answer.columns[name]
            if name in partition:
                value = f"CAST(about.p{partition.index(name)} AS {kind})"
            else:
                value = f"shared.{quote(name)}" if name in there else "NULL"
                if name not in answer.nested or name not in there:
                    value = f"CAST({value} AS {kind})"
            columns.append(f"{value} AS {quote(_kept_as(name))}")
        if changes:
            # Files of changes say themselves what each row was; of whole files all rows came or went.
            said = "shared._change_type" if "_change_type" in there else "NULL"
            columns += [
                f"CASE about.kind WHEN 'cdf' THEN {said} WHEN 'remove' THEN 'delete' ELSE 'insert' END AS _change_type",
                "about.version AS _commit_version",
                "about.moment AS _commit_timestamp",
            ]
        return (
            f"SELECT {', '.join(columns)}, row_number() OVER () AS _row FROM {read} AS shared "
            f"JOIN (VALUES {rows}) AS about({', '.join(about)}) ON shared._shared_file = about.path"
        )

    def _about(self, file: SharedFile, partition: Sequence[str]) -> str:
        version = file.version if file.version is not None else self._answer.version
        moment = "NULL::TIMESTAMPTZ"
        if file.timestamp is not None:
            moment = f"make_timestamptz({int(file.timestamp) * 1000})"
        values = [file.partition.get(name) for name in partition]
        texts = ["NULL::VARCHAR" if v is None or v == "" else literal(str(v)) for v in values]
        fields = [literal(str(self._paths[file.id])), literal(file.kind), f"{version}::BIGINT", moment, *texts]
        return f"({', '.join(fields)})"

    def _fetch(self) -> None:
        """Every file, whole; where addresses have run out meanwhile, new ones are asked for."""
        import requests

        owed, barren = list(self._answer.files), 0
        while owed:
            # A session without the token: the files lie elsewhere.
            with requests.Session() as session, ThreadPoolExecutor(_PARALLEL) as pool:
                got = list(pool.map(lambda file: self._get(session, file), owed))
            left = {file.id for file, done in zip(owed, got, strict=True) if not done}
            if not left:
                return
            barren = barren + 1 if len(left) == len(owed) else 0
            renewed = self._share.again(self._answer).files
            owed = [file for file in renewed if file.id in left]
            if barren == 2 or len(owed) < len(left):
                raise self._share._odd("the addresses of its files are refused, or run out too soon")

    def _get(self, session: requests.Session, file: SharedFile) -> bool:
        """One file; False where its address has run out, or it did not come whole."""
        import requests

        where, target = self._share.where, self._paths[file.id]
        try:
            with (
                ask(session, "GET", checked_url(file.url, where), where, stream=True) as answer,
                target.open("wb") as out,
            ):
                for chunk in answer.iter_content(1 << 20):
                    out.write(chunk)
        except Refused as error:
            if error.status in (400, 401, 403, 404, 410):
                return False
            raise
        except requests.RequestException:
            return False
        return target.stat().st_size == file.size


def _profile(file: Path, where: str) -> tuple[str, str]:
    """Endpoint and token of a profile file. Raises DataError where it is none, or has run out."""
    try:
        profile = json.loads(file.read_text(encoding="utf-8-sig"))
        endpoint, token = str(profile["endpoint"]), str(profile["bearerToken"])
    except OSError:
        raise DataError("the profile of the share cannot be read", where, "check the path in `profile`") from None
    except (ValueError, KeyError, TypeError):
        mend = "it is JSON with `endpoint` and `bearerToken`: ask the partner to send it again"
        raise DataError("the profile of the share is none that can be used", where, mend) from None
    until = profile.get("expirationTime")
    if until:
        try:
            moment = datetime.fromisoformat(str(until).replace("Z", "+00:00"))
        except ValueError:
            return endpoint, token
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if moment < datetime.now(UTC):
            what = f"the partner's token ran out on {moment:%d %B %Y}"
            raise DataError(what, where, "ask the partner for a new profile, and put it in place")
    return endpoint, token


def _kept_as(name: str) -> str:
    """A column's name in bronze: its own, but for one that a load gives to its rows."""
    return f"{name}_" if name.casefold() in ("_row", *LOAD_COLUMNS) else name
