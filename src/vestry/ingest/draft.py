"""From a file that nobody has described to a source and a draft product: what `vestry add` does."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from vestry.ingest.files import ColumnProfile, FileOptions, FileProfile, inspect_file, sheets
from vestry.ingest.files.archive import Archive, is_zip
from vestry.ingest.files.geo import beside
from vestry.ingest.files.names import snake_case
from vestry.ingest.files.pieces import pieces
from vestry.ingest.files.xmlfile import record_paths, refuse_doctype
from vestry.project import Project, VestryError, literal, quote
from vestry.project.names import is_name

_DROP = "drop"
_DRAFTS = "drafts"
#: Words in a column's name by which it is likely to speak of a person.
_PERSONAL = frozenset(
    (
        *("forename", "surname", "firstname", "lastname", "title", "dob", "birth", "age", "gender", "sex"),
        *(
            "email",
            "mobile",
            "phone",
            "telephone",
            "address",
            "postcode",
            "uprn",
            "nhs",
            "nino",
            "ni",
            "upn",
            "passport",
        ),
        *("tenant", "claimant", "resident", "patient", "pupil", "child", "person", "holder", "applicant"),
    )
)
_SPECIAL = frozenset(
    ("ethnicity", "religion", "disability", "health", "diagnosis", "sexuality", "nationality", "medical")
)
_LOGICAL = {"decimal": "number"}


@dataclass(frozen=True)
class Draft:
    """What was written, and what a person should know and look at; no value of the file is in it."""

    table: str
    written: tuple[Path, ...]
    decided: tuple[str, ...]
    look_at: tuple[str, ...]


def add_file(project: Project, file: Path, *, domain: str | None = None, sheet: str | None = None) -> Draft:
    """Describe a file: write its source and a draft product, so that the next run has the table.

    A file outside the project is copied to `drop/`. Raises VestryError where the file cannot be
    read, or its source is there already.
    """
    if not file.is_file():
        raise VestryError(f"there is no file {file}", mend="name a CSV, JSON, XML, XLSX, Parquet or map file")
    name = snake_case(file.stem if sheet is None else f"{file.stem} {sheet}") or "file"
    target = project.root / "sources" / f"{name}.yaml"
    if name in project.sources or target.exists():
        raise VestryError(
            f"the source `{name}` is there already", f"sources/{name}.yaml", "rename the file, or edit it"
        )
    options = FileOptions(sheet=sheet, rows=records_in(file))
    with tempfile.TemporaryDirectory(prefix="vestry-") as workdir, duckdb.connect() as con:
        found = inspect_file(unpacked(file, options, Path(workdir)), options, con, Path(workdir))
    if not found.columns:
        raise VestryError("no table was found in the file", str(file), "is there a row of headers?")
    domain = domain or (next(iter(project.domains)) if len(project.domains) == 1 else _DRAFTS)
    if not is_name(domain):
        raise VestryError(f"`{domain}` is not a name for a domain", mend="use lower-case letters, digits and _")
    folder = project.root / "domains" / domain / name
    if folder.exists():
        raise VestryError(f"the product {domain}.{name} is there already", str(folder), "rename the file, or edit it")
    base, copied = _place(project, file, name)
    written = [
        *_write_domain(project, domain),
        _write(target, _source(file, base, name, options)),
        _write(folder / "contract.yaml", _contract(file, found, domain, name)),
        _write(folder / f"{name}.sql", _sql(found, name)),
    ]
    decided = [*copied, *(f"{note}" for note in found.notes), *map(_said, found.columns), _key_said(found)]
    others = [s.name for s in sheets(file) if s.visible and s.rows and s.header_row] if _is_workbook(file) else []
    look_at = [*_look_at(found, domain)]
    if sheet is None and len(others) > 1:
        look_at.append(f"the workbook has {len(others)} sheets ({', '.join(others)}): name another with --sheet")
    return Draft(f"{domain}.{name}.{name}", tuple(written), tuple(decided), tuple(look_at))


def records_in(file: Path) -> str | None:
    """Of XML, the path to what are likely its records; None for all else."""
    if file.suffix.lower() != ".xml":
        return None
    refuse_doctype(file)
    return next(iter(record_paths(file)), None)


def unpacked(file: Path, options: FileOptions, workdir: Path) -> Path:
    """The file itself, or the one that was packed in it.

    Raises VestryError with their names where there are several: which is meant is for a person to say.
    """
    if is_zip(file):
        names = Archive(file).names(())
        shapes = [n for n in names if n.lower().endswith(".shp")]
        if len(shapes or names) > 1:
            raise VestryError(
                f"the archive holds {len(shapes or names)} files: {', '.join((shapes or names)[:5])}",
                str(file),
                "unpack it and add one; then let `files` of its source name the archive, and `members` those in it",
            )
    return next(pieces(file, options, workdir)).path


def _is_workbook(file: Path) -> bool:
    return file.suffix.lower() in (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")


def _place(project: Project, file: Path, name: str) -> tuple[str, list[str]]:
    """The folder that the source names, and whether the file was copied there."""
    file = file.resolve()
    if file.is_relative_to(project.root):
        return file.parent.relative_to(project.root).as_posix(), []
    folder = project.root / _DROP / name
    folder.mkdir(parents=True, exist_ok=True)
    for one in [file, *(beside(file) if file.suffix.lower() == ".shp" else ())]:
        shutil.copy2(one, folder / one.name)
    return f"{_DROP}/{name}", [f"the file was copied to {_DROP}/{name}: drop its next versions there"]


def _source(file: Path, base: str, name: str, options: FileOptions) -> dict[str, Any]:
    glob = re.sub(r"([\[\]*?])", r"[\1]", file.name)
    table: dict[str, Any] = {"files": glob if base != f"{_DROP}/{name}" else f"*{file.suffix}"}
    table |= {key: value for key in ("sheet", "rows") if (value := getattr(options, key)) is not None}
    return {
        "connector": "files",
        "description": f"Drafted from {file.name}: say whose it is and what it holds",
        "path": base,
        "tables": {name: table},
    }


def _contract(file: Path, found: FileProfile, domain: str, name: str) -> dict[str, Any]:
    key = next(iter(_keys(found)), None)
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{domain}.{name}",
        "name": file.stem,
        "version": "0.1.0",
        "status": "draft",
        "domain": domain,
        "description": {"purpose": f"Drafted from {file.name}: say what it is for."},
        "schema": [
            {
                "name": name,
                "description": f"One row of {file.name}.",
                "properties": [_property(column, column.name == key) for column in found.columns],
            }
        ],
    }


def _property(column: ColumnProfile, is_key: bool) -> dict[str, Any]:
    promised: dict[str, Any] = {"name": column.name}
    if column.type in ("string", "integer", "decimal", "date", "timestamp", "boolean"):
        promised["logicalType"] = _LOGICAL.get(column.type, column.type)
        if column.type == "decimal":
            promised["physicalType"] = "DECIMAL(18,2)"
    else:
        promised |= {"logicalType": "string", "physicalType": column.type}
    if is_key:
        promised["primaryKey"] = True
    promised["description"] = f"`{column.header}` in the file." if column.header else "Without a header in the file."
    promised["classification"] = _classification(column.name)
    if column.filled == 1 and not is_key:
        promised["quality"] = [{"metric": "nullValues", "mustBe": 0, "severity": "warn", "dimension": "completeness"}]
    return promised


def _classification(name: str) -> str:
    words = set(name.split("_"))
    if words & _SPECIAL:
        return "special"
    return "personal" if words & _PERSONAL or name in ("name", "full_name") else "internal"


def _sql(found: FileProfile, name: str) -> str:
    lines = ",\n".join(f"    {_converted(column)} AS {quote(column.name)}" for column in found.columns)
    return f"SELECT\n{lines}\nFROM bronze.{name}.{name}\n"


def _converted(column: ColumnProfile) -> str:
    q = quote(column.name)
    if column.type == "string":
        return f"tidy({q})"
    if column.type == "integer":
        return f"try_cast(tidy({q}) AS BIGINT)"
    if column.type == "decimal":
        return f"money({q})"
    if column.type == "date":
        month_first = column.format is not None and column.format.startswith("%m")
        return f"try_strptime(tidy({q}), {literal(column.format or '')})::DATE" if month_first else f"uk_date({q})"
    if column.type == "timestamp":
        return f"try_strptime(tidy({q}), {literal(column.format or '')})::TIMESTAMPTZ"
    if column.type == "boolean":
        return f"lower(tidy({q})) IN ('true', 'yes', 'y', 't')"
    return q


def _write(file: Path, content: str | dict[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = (
        content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    )
    file.write_text(text, encoding="utf-8")
    return file


def _write_domain(project: Project, domain: str) -> Iterator[Path]:
    if domain not in project.domains:
        described = {"name": domain.replace("_", " ").capitalize(), "owner": "to be named"}
        yield _write(project.root / "domains" / domain / "domain.yaml", described)


_FORMATS = {"%d": "day", "%m": "month", "%b": "month", "%B": "month", "%Y": "year", "%y": "year"}


def _said(column: ColumnProfile) -> str:
    """One column in plain words."""
    kind = {
        "string": "text",
        "integer": "a whole number",
        "decimal": "money or a number with decimals",
        "boolean": "yes or no",
        "timestamp": "a date and time",
    }.get(column.type, column.type)
    if column.type == "date":
        order = [_FORMATS[part] for part in re.findall(r"%[dmbBYy]", column.format or "")]
        kind = f"a date ({', '.join(order)})"
    filled = "always filled" if column.filled == 1 else f"filled in {column.filled:.0%} of rows"
    return f"{column.name}: {kind}, {filled}"


def _keys(found: FileProfile) -> list[str]:
    """What could be the key: no name of a person is, though all may differ."""
    return [k for k in found.keys if _classification(k) == "internal"]


def _key_said(found: FileProfile) -> str:
    keys = _keys(found)
    if not keys:
        return "no column alone tells one row from another, so there is no key"
    rest = f" ({', '.join(keys[1:3])} would do too)" if len(keys) > 1 else ""
    return f"the key is {keys[0]}: filled and different in every row{rest}"


def _look_at(found: FileProfile, domain: str) -> Iterator[str]:
    if found.rejected:
        lines = "1 line" if found.rejected == 1 else f"{found.rejected} lines"
        yield f"{lines} could not be read as rows: after the run they are in __rejected, each with the reason"
    personal = [c.name for c in found.columns if _classification(c.name) != "internal"]
    if personal:
        yield f"these look personal, by their names: {', '.join(personal)}: is that right, and are there others?"
    for column in found.columns:
        if column.type == "date" and column.format and column.format.startswith(("%d/%m", "%m/%d")):
            yield f"{column.name}: is the {'day' if column.format.startswith('%d') else 'month'} first?"
        if not column.header:
            yield f"{column.name} has no header: what is it?"
        if column.filled == 0:
            yield f"{column.name} is empty: is it needed?"
    if domain == _DRAFTS:
        yield "it is in the domain `drafts`: move its folder to the domain that owns it, and name the owner"
    yield "the descriptions and the purpose in the contract"
