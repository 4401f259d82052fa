"""From a proposal to files: a source, a product, its playbook page, all in `drafts/<domain>.<product>/`.

The folder is laid out as the project is, and no part of the platform reads it. So nothing that is proposed can break
what works, a colleague can read it, and taking it over is no more than copying: `take_over` does that once the
project has been checked with the draft in it. Git is left to people: whoever takes a draft over commits it by name.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from vestry.catalogue.conversion import converted, promised
from vestry.catalogue.looking import Rehearsal
from vestry.catalogue.proposal import About, Proposal, ProposedColumn, ProposedTable
from vestry.project import Fault, Project, VestryError, quote
from vestry.project.check import check as check_files
from vestry.project.errors import did_you_mean
from vestry.project.glossary import Glossary
from vestry.project.names import is_table_name
from vestry.project.settings import FILE

DRAFTS = "drafts"
#: How often, as the contract says it.
_LEVELS = {"day": (1, "d"), "week": (1, "w"), "month": (1, "m"), "quarter": (3, "m"), "year": (1, "y")}
#: What a project is read from.
_READ = (".yaml", ".yml", ".sql", ".py")
_ROOTS = ("drop", "sources", "domains")


def write_draft(project: Project, proposal: Proposal, file: Path, rehearsals: Sequence[Rehearsal]) -> str:
    """Write the draft and return its name, `domain.product`.

    `rehearsals` has one for each table: the rules of the contract follow from what they found. Raises VestryError
    where there is such a draft or product already.
    """
    about = proposal.about
    name = f"{about.domain}.{about.product}"
    folder = project.root / DRAFTS / name
    if folder.exists() or name in project.products:
        what = "draft" if folder.exists() else "product"
        raise VestryError(f"there is a {what} {name} already", mend="give the product another name")
    source = source_name(project, about)
    (project.root / DRAFTS).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=project.root / DRAFTS, prefix=".writing-") as aside:
        for path, content in _files(project, proposal, source, rehearsals):
            target = Path(aside, "draft", path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content if isinstance(content, str) else _yaml(content), encoding="utf-8")
        if about.keep_file:
            shutil.copyfile(file, Path(aside, "draft", "drop", source, proposal.file_name))
        Path(aside, "draft").rename(folder)
    return name


def source_name(project: Project, about: About) -> str:
    """What the source is called: as the product, or with its domain where that name is taken.

    Raises VestryError where both are.
    """
    for name in (str(about.product), f"{about.domain}_{about.product}"):
        if name not in project.sources:
            return name
    raise VestryError(f"there is a source {name} already", mend="give the product another name")


def _files(
    project: Project, proposal: Proposal, source: str, rehearsals: Sequence[Rehearsal]
) -> Iterator[tuple[str, str | dict[str, Any]]]:
    about = proposal.about
    yield f"sources/{source}.yaml", _source(proposal, source)
    # Git takes nothing from the folder of files, this line included.
    yield f"drop/{source}/.gitignore", "*\n"
    if about.new_domain and about.domain not in project.domains:
        described = {"name": about.new_domain, "owner": about.owner}
        yield f"domains/{about.domain}/domain.yaml", described | _given(steward=about.steward)
    folder = f"domains/{about.domain}/{about.product}"
    yield f"{folder}/contract.yaml", _contract(project, proposal, rehearsals)
    for table in proposal.tables:
        yield f"{folder}/{table.name}.sql", _sql(table, source, about)
    yield f"{folder}/README.md", _readme(proposal, source, rehearsals)


def _source(proposal: Proposal, source: str) -> dict[str, Any]:
    tables = {}
    for table in proposal.tables:
        is_plain = table.sheet is None or not re.search(r"[*?\[]|\$\{", table.sheet)
        sheet = table.sheet if is_plain else proposal.sheets.index(str(table.sheet)) + 1
        tables[table.name] = {"files": f"*{proposal.suffix}"} | _given(sheet=sheet, rows=table.records)
    return {
        "connector": "files",
        "description": f"Files of {proposal.about.title}",
        "owner": proposal.about.owner,
        "path": f"drop/{source}",
        "tables": tables,
    }


def _contract(project: Project, proposal: Proposal, rehearsals: Sequence[Rehearsal]) -> dict[str, Any]:
    about = proposal.about
    members = [{"username": about.owner, "name": about.owner, "role": "owner"}]
    if about.steward:
        members.append({"username": about.steward, "name": about.steward, "role": "steward"})
    contract: dict[str, Any] = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{about.domain}.{about.product}",
        "name": about.title,
        "version": "0.1.0",
        "status": "draft",
        "domain": about.domain,
        "dataProduct": about.product,
        "description": {"purpose": about.purpose},
        "team": {"name": about.title, "members": members},
        "schema": [
            _schema(project.glossary, table, found) for table, found in zip(proposal.tables, rehearsals, strict=True)
        ],
    }
    if about.frequency in _LEVELS:
        value, unit = _LEVELS[about.frequency]
        contract["slaProperties"] = [{"property": "frequency", "value": value, "unit": unit}]
    return contract


def _schema(glossary: Glossary, table: ProposedTable, found: Rehearsal) -> dict[str, Any]:
    keys = [c.name for c in table.kept if c.key]
    return {
        "name": table.name,
        "physicalType": "table",
        **_given(description=table.description),
        "properties": [_property(glossary, column, keys, found) for column in table.kept],
    }


def _property(glossary: Glossary, column: ProposedColumn, keys: Sequence[str], found: Rehearsal) -> dict[str, Any]:
    said = column.description or (f"`{column.header}` in the file." if column.header else "")
    term = glossary.terms.get(column.term or "")
    made: dict[str, Any] = {"name": column.name, **_given(businessName=term.name if term else None)}
    made |= {**promised(column.own_type, column.type), **_given(description=said)}
    made["classification"] = column.classification
    if column.key:
        made |= {"primaryKey": True, "primaryKeyPosition": keys.index(column.name) + 1, "required": True}
    rules: list[dict[str, Any]] = []
    if column.source in found.full and not column.key:
        rules.append(_rule(f"{column.name} is filled", "nullValues", "completeness"))
    if valid := valid_values(column):
        rule = _rule(f"{column.name} is one of the known values", "invalidValues", "conformity")
        rules.append({**rule, "arguments": {"validValues": list(valid)}})
    return made | _given(quality=rules)


def valid_values(column: ProposedColumn) -> tuple[str, ...]:
    """The values that a rule will know: they are few, and the column speaks of nobody."""
    return column.values if column.is_open and column.type == "text" and not column.key else ()


def _rule(name: str, metric: str, dimension: str) -> dict[str, Any]:
    # It was so in one file: that a later one differs is to be told, and stops nothing until somebody decides.
    return {"name": name, "metric": metric, "mustBe": 0, "dimension": dimension, "severity": "warn"}


def _sql(table: ProposedTable, source: str, about: About) -> str:
    columns = ",\n".join(f"    {converted(c.source, c.own_type, c.type)} AS {quote(c.name)}" for c in table.kept)
    sql = f"SELECT\n{columns}\nFROM bronze.{source}.{table.name}\n"
    if about.replaces:
        newest = "-- Each file holds everything again: the newest one counts.\n"
        return f"{newest}{sql}QUALIFY dense_rank() OVER (ORDER BY _loaded_at DESC, _source DESC) = 1\n"
    if keys := [c for c in table.kept if c.key]:
        listed = ", ".join(converted(c.source, c.own_type, c.type) for c in keys)
        newest = "-- A row that comes again in a later file takes the place of the earlier one.\n"
        order = "ORDER BY _loaded_at DESC, _source DESC, _row DESC"
        return f"{newest}{sql}QUALIFY row_number() OVER (PARTITION BY {listed} {order}) = 1\n"
    return sql


def _readme(proposal: Proposal, source: str, rehearsals: Sequence[Rehearsal]) -> str:
    about = proposal.about
    how = "each file takes the place of the one before" if about.replaces else "each file is added to those before"
    often = {None: "", "once": "It came once."}.get(about.frequency, f"A file comes every {about.frequency}; {how}.")
    lines = [
        f"# {about.title}", "", about.purpose, "",
        f"{about.owner} answers for it{f', and {about.steward} looks after it' if about.steward else ''}. {often}",
        f"New files go to `drop/{source}`.", "",
        "## To look at", "",
        *(f"- {line}" for t, found in zip(proposal.tables, rehearsals, strict=True) for line in to_look_at(t, found)),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def to_look_at(table: ProposedTable, found: Rehearsal) -> Iterator[str]:
    """What a person should know before the draft is taken over; no value is in it."""
    if table.rejected:
        yield f"`{table.name}`: {table.rejected:,} lines of the file are no rows; they are kept aside with the reason."
    for column in table.kept:
        if count := found.unread.get(column.source):
            cells = f"{count:,} of {found.rows:,} values"
            yield f"`{table.name}.{column.name}`: {cells} cannot be read as its type, and are left empty."
    if found.not_told_apart:
        yield f"`{table.name}`: {found.not_told_apart:,} rows have the key of another row, or none."
    personal = sum(not c.is_open for c in table.kept)
    if personal:
        columns = f"{personal} of {len(table.kept)} columns"
        yield f"`{table.name}`: {columns} are personal: name the lawful basis in the contract."
    undescribed = sum(not c.description for c in table.kept)
    if undescribed:
        yield f"`{table.name}`: {undescribed} of {len(table.kept)} columns have no description yet."


def _given(**keys: Any) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if value}


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def drafts(project: Project) -> list[str]:
    """The names of the drafts that wait."""
    folder = project.root / DRAFTS
    return sorted(p.name for p in folder.iterdir() if _is_draft(p)) if folder.is_dir() else []


def _is_draft(folder: Path) -> bool:
    return _is_name(folder.name) and (folder / "sources").is_dir()


def _is_name(text: str) -> bool:
    """Whether a text is the name of a product, `domain.product`."""
    parts = text.split(".")
    return len(parts) == 2 and all(map(is_table_name, parts))


def files_of(project: Project, name: str) -> list[Path]:
    """The files of a draft, relative to it. Raises VestryError where there is no such draft."""
    there = drafts(project)
    if name not in there:
        raise VestryError(f"there is no draft {name[:100]}", mend=did_you_mean(name[:100], there))
    folder = project.root / DRAFTS / name
    return sorted(p.relative_to(folder) for root in _ROOTS for p in (folder / root).rglob("*") if p.is_file())


def text_of(project: Project, name: str, file: Path) -> str | None:
    """A file of a draft, for people to read; None of what was uploaded."""
    if file.parts[0] == "drop":
        return None
    return (project.root / DRAFTS / name / file).read_text(encoding="utf-8")


def remove(project: Project, name: str) -> None:
    """Throw a draft away, the file that came with it too."""
    files_of(project, name)
    shutil.rmtree(project.root / DRAFTS / name)


def faults_with(project: Project, name: str) -> list[Fault]:
    """What `vestry check` would say of the project with the draft in it and does not say now."""
    from vestry.products.check import check

    files = files_of(project, name)
    project.state.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=project.state, prefix="check-") as aside:
        copy = Path(aside)
        for file in _read_files(project.root):
            _copy(project.root / file, copy / file)
        for file in files:
            if file.parts[0] != "drop" and not (copy / file).exists():
                _copy(project.root / DRAFTS / name / file, copy / file)
        found = check(copy)
    if not found:
        return []
    ours, before = {f.as_posix() for f in files}, set(check_files(project.root))
    return [fault for fault in found if fault.file in ours or fault not in before]


def _read_files(root: Path) -> Iterator[Path]:
    yield from (Path(name) for name in (FILE, "glossary.yaml") if (root / name).is_file())
    for folder in ("sources", "domains"):
        for file in (root / folder).rglob("*"):
            if file.suffix in _READ and file.is_file():
                yield file.relative_to(root)


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)


def take_over(project: Project, name: str) -> list[Path]:
    """Move a draft's files to their places in the project, and return them.

    Raises VestryError, and moves nothing, where the project would have faults with it or a file is there already.
    """
    files = [f for f in files_of(project, name) if not (_is_shared(f) and (project.root / f).exists())]
    for file in files:
        if (project.root / file).exists():
            raise VestryError(
                f"{file.as_posix()} is there already", mend="nothing was moved: rename what the draft has"
            )
    if faults := faults_with(project, name):
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        mend = faults[0].mend or "mend the draft first"
        raise VestryError(f"{faults[0].where}: {faults[0].what}{more}", mend=f"nothing was moved: {mend}")
    folder = project.root / DRAFTS / name
    # The product last, so that nobody sees it without its source and its domain.
    for file in sorted(files, key=lambda f: (_ROOTS.index(f.parts[0]), len(f.parts))):
        (project.root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder / file, project.root / file)
    shutil.rmtree(folder)
    return files


def is_taken_over(project: Project, name: str) -> bool:
    """Whether there is a product of that name, whatever the catalogue knows of it yet."""
    return _is_name(name) and Path(project.root, "domains", *name.split("."), "contract.yaml").is_file()


def _is_shared(file: Path) -> bool:
    """What another draft of the same domain may have brought meanwhile."""
    return file.name in ("domain.yaml", ".gitignore")
