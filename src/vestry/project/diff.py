"""`vestry diff`: what has changed in the contracts since a git commit, and whose work that breaks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from vestry.project.changes import Change, Consumer, changes_of, gone
from vestry.project.errors import ProjectError, VestryError
from vestry.project.inputs import Inputs, recipe_shown, recipe_text
from vestry.project.names import TableName
from vestry.project.project import Project, find_root, load_project, read_project
from vestry.project.settings import FILE

#: What a project is read from; data beside it stays where it is.
_READ = (".yaml", ".yml", ".toml", ".sql", ".py")
_ORDER = {"breaking": 0, "note": 1, "compatible": 2}


def diff(folder: Path, ref: str = "HEAD") -> list[Change]:
    """Every change of the contracts of the working tree since a git commit, those that break first.

    Raises VestryError outside git and for a name that git does not know, ProjectError where the
    working tree has faults.
    """
    root = find_root(folder)
    commit = _commit(root, ref)
    new = load_project(root)
    with TemporaryDirectory(prefix="vestry-diff-") as aside:
        _check_out(root, commit, Path(aside))
        old, _ = read_project(Path(aside)) if Path(aside, FILE).is_file() else (None, [])
        unread = {
            f"{p.parent.parent.name}.{p.parent.name}" for p in Path(aside).glob("domains/*/*/contract.yaml")
        } - set(old.products if old else ())
        changes = list(_changes(old, new, unread, ref))
        readers = _Readers(new)
        changes = [replace(change, readers=tuple(readers.of(change))) for change in changes]
    return sorted(changes, key=lambda c: (_ORDER[c.effect], c.file, c.line, c.what))


def _changes(old: Project | None, new: Project, unread: set[str], ref: str) -> Iterator[Change]:
    before = old.products if old else {}
    for name, product in new.products.items():
        if name in before:
            yield from changes_of(before[name], product)
        elif name in unread:
            yield Change("note", f"the contract of {ref} has faults and cannot be compared", product.file.path, 1)
        else:
            for table in product.promised:
                what, line = f"the table `{table.table}` is new", product.line(table.table)
                yield Change("compatible", what, product.file.path, line, table)
    for name, product in before.items():
        if name not in new.products:
            yield from gone(product)


class _Readers:
    """Who reads a table of the working tree, and which of its columns."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.of_table: dict[TableName, list[TableName]] = {}
        self.columns: dict[TableName, tuple[set[str], bool]] = {}
        with Inputs(project) as inputs:
            for name, table in project.tables.items():
                for source in inputs.of(table):
                    self.of_table.setdefault(source, []).append(name)

    def of(self, change: Change) -> list[Consumer]:
        """Those whom a change touches, near ones first; nobody where it takes nothing away."""
        if change.effect == "compatible" or not change.is_theirs:
            return []
        found: dict[TableName, bool] = {}
        starts = [change.table] if change.table else self._tables_of(change.file)
        for start in starts:
            for reader in self.of_table.get(start, []):
                mentions = self._mentions(reader, change.column) if change.column else True
                if mentions is not False:
                    found[reader] = found.get(reader, False) or mentions is True
        waiting = list(found)
        while waiting:
            for reader in self.of_table.get(waiting.pop(), []):
                if reader not in found and reader not in starts:
                    found[reader] = False
                    waiting.append(reader)
        ordered = sorted(found.items(), key=lambda item: (not item[1], item[0]))
        return [Consumer(name, self._owner(name), sure) for name, sure in ordered]

    def _tables_of(self, file: str) -> list[TableName]:
        return [t for p in self.project.products.values() if p.file.path == file for t in p.promised]

    def _mentions(self, reader: TableName, column: str) -> bool | None:
        """Does a recipe mention a column of that name? None where it cannot be said."""
        table = self.project.tables[reader]
        if table.kind != "sql":
            return None
        if reader not in self.columns:
            from vestry.project.sql import SqlFault, mentions, parse

            try:
                names, star = mentions(parse(recipe_text(table), recipe_shown(table)))
            except (SqlFault, ProjectError):
                names, star = set(), True
            self.columns[reader] = ({name.casefold() for name in names}, star)
        names, star = self.columns[reader]
        return True if column.casefold() in names else None if star else False

    def _owner(self, name: TableName) -> str:
        domain = self.project.domains.get(name.domain)
        return domain.spec.owner if domain else ""


def _git(root: Path, *arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=root, input=given, capture_output=True, check=False)  # noqa: S603, S607
    except FileNotFoundError as error:
        raise VestryError("git is not installed", mend="`vestry diff` compares with what git has kept") from error


def _commit(root: Path, ref: str) -> str:
    """The commit that a name means."""
    inside = _git(root, "rev-parse", "--is-inside-work-tree")
    if inside.returncode:
        said = inside.stderr.decode(errors="replace").strip().splitlines()
        if said and "not a git repository" not in said[0]:
            raise VestryError(f"git: {said[0].removeprefix('fatal: ')}", str(root))
        mend = "keep the project in git: git init && git add . && git commit"
        raise VestryError(f"{root} is not in a git repository", mend=mend)
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if found.returncode:
        if _git(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode:
            raise VestryError("nothing has been committed yet", mend="git add . && git commit")
        mend = "name a commit, a branch or a tag: `git log --oneline`, `git branch -a`"
        raise VestryError(f"git knows no `{ref}`", mend=mend)
    return found.stdout.decode().strip()


def _check_out(root: Path, commit: str, aside: Path) -> None:
    """Write the project's files as they were into a folder; none where the project was not there."""
    prefix = _git(root, "rev-parse", "--show-prefix").stdout.decode().strip()
    listed = _git(root, "ls-tree", "-r", "-z", "--name-only", commit).stdout.decode(errors="surrogateescape")
    ours = [n for n in listed.split("\0") if n == FILE or n.startswith(("sources/", "domains/"))]
    names = [n for n in ours if n.endswith(_READ)]
    given = "".join(f"{commit}:{prefix}{name}\n" for name in names).encode(errors="surrogateescape")
    rest = _git(root, "cat-file", "--batch", given=given).stdout
    for name in names:
        head, _, rest = rest.partition(b"\n")
        if not head.endswith(b" missing"):
            size = int(head.rsplit(b" ", 1)[-1])
            file = aside / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(rest[:size])
            rest = rest[size + 1 :]
