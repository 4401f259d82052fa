"""A small council project in a folder, for tests: written, run and asked as a council would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import IO, Any

import forked
from vestry.lake import Lake
from vestry.project import TableName
from vestry.run.events import Event
from vestry.run.execute import Outcome
from vestry.run.query import ask
from vestry.run.workspace import Workspace

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {name}
version: 1.0.0
status: active
{extra}schema:
{tables}
"""
#: That a domain has agreed to the use of a product of its own: an item of `uses`.
USE = "{{product: {product}, purpose: to be tested, approvedBy: Jo Bloggs, until: 2099-01-01}}"
_READ = re.compile(r"\b([a-z]\w*)\.([a-z]\w*)\.[a-z]\w*")


class Council:
    """A project in `root`; every run opens it anew, as the command does."""

    def __init__(self, root: Path, settings: str = "") -> None:
        self.root = root
        self.events: list[Event] = []
        self.write("vestry.toml", '[council]\nname = "Testham"\n' + dedent(settings))

    def write(self, file: str, text: str | bytes) -> Path:
        """Write a file below the project."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        return path

    def source(self, name: str, text: str) -> None:
        self.write(f"sources/{name}.yaml", text)

    def files(self, source: str = "repairs", table: str = "job", glob: str = "*.csv") -> None:
        """A source of files in `drop/`."""
        self.source(source, f'connector: files\npath: drop\ntables:\n  {table}:\n    files: "{glob}"\n')
        (self.root / "drop").mkdir(exist_ok=True)

    def drop(self, name: str, text: str | bytes) -> Path:
        return self.write(f"drop/{name}", text)

    def product(
        self, name: str, columns: Mapping[str, str] | str, gold: bool = False, agreed: bool = True, **recipes: str
    ) -> None:
        """One product (`domain.product`) with one table per recipe (`table_sql="SELECT …"`), all of the same columns.

        `columns` is {name: rest of the flow mapping}, such as {"job": "logicalType: string, primaryKey: true"},
        or the YAML below `schema:` as it is. Where it is `agreed`, those whose data the recipes read
        allow it.
        """
        domain, product = name.split(".")
        tables: dict[str, str] = {}
        for key, text in recipes.items():
            table, _, kind = key.rpartition("_")
            file = f"{table}.{kind}.yaml" if kind in ("snapshot", "match") else f"{table}.{kind}"
            self.write(f"domains/{domain}/{product}/{file}", text)
            tables[table] = text
        if isinstance(columns, str):
            listed = dedent(columns).strip("\n")
        else:
            properties = "\n".join(f"      - {{name: {c}, {rest}}}" for c, rest in columns.items())
            listed = "\n".join(f"  - name: {table}\n    properties:\n{properties}" for table in tables)
        self.write(f"domains/{domain}/domain.yaml", f"name: {domain.title()}\nowner: Jo Bloggs\n")
        custom = ["{property: layer, value: gold}"] if gold else []
        found = [one for text in tables.values() for one in _READ.findall(text)] if agreed else []
        if read := {f"{d}.{p}" for d, p in found if d not in ("bronze", domain)}:
            uses = ", ".join(USE.format(product=one) for one in sorted(read))
            custom.append(f"{{property: uses, value: [{uses}]}}")
        extra = "customProperties:\n" + "".join(f"  - {one}\n" for one in custom) if custom else ""
        self.write(f"domains/{domain}/{product}/contract.yaml", CONTRACT.format(name=name, tables=listed, extra=extra))

    def open(self) -> Workspace:
        return Workspace.open(self.root)

    @property
    def lake(self) -> Lake:
        return self.open().lake

    def run(self, *select: str) -> dict[str, Outcome]:
        """Run, in this process; the outcome of each step by its name."""
        workspace = self.open()
        self.events.clear()
        try:
            outcomes = workspace.run(select, self.events.append)
        finally:
            if "engine" in vars(workspace):
                workspace.engine.close()
        return {str(o.step.name): o for o in outcomes}

    def good(self, *select: str) -> dict[str, Outcome]:
        """Run, and nothing may fail."""
        outcomes = self.run(*select)
        for outcome in outcomes.values():
            if outcome.error:
                raise outcome.error
        return outcomes

    def plan(self, *select: str) -> dict[str, str]:
        """What would run, and why."""
        return {str(d.step.name): "; ".join(d.reasons) for d in self.open().plan(select) if d.runs}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        workspace = self.open()
        try:
            answer = ask(workspace, sql)
            return list(zip(*(c.to_pylist() for c in answer.columns), strict=True))
        finally:
            if "engine" in vars(workspace):
                workspace.engine.close()

    def one(self, sql: str) -> Any:
        return self.rows(sql)[0][0]

    def version(self, table: str) -> int:
        return self.lake.existing(TableName.parse(table)).version()

    def versions(self) -> dict[str, int]:
        """The version of every table in the lake."""
        workspace = self.open()
        found = {n: workspace.lake.open(n) for n in workspace.known()}
        return {str(n): t.version() for n, t in found.items() if t}

    def record(self, table: str) -> dict[str, Any]:
        """What the last write of a table says of itself."""
        return dict(next(v.record for v in self.lake.history(TableName.parse(table)) if v.record))

    def folder(self, table: str) -> Path:
        return self.root / "lake" / TableName.parse(table).folder

    def cli(
        self, *args: str, env: Mapping[str, str] | None = None, seconds: float = 600, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """The `vestry` command, as a process of its own, on this project."""
        command = args[0], "-C", str(self.root), *args[1:]
        return vestry(*command, env=env, seconds=seconds, **more)


def vestry(
    *args: str,
    env: Mapping[str, str] | None = None,
    seconds: float = 600,
    input: str = "",
    script: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """The `vestry` command as a process, or a `script` in its place; `input` is what it reads."""
    env = {**os.environ, **(env or {})}
    if forked.works:
        return forked.run(args, env, seconds, input, script)
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": seconds, "input": input}
    return subprocess.run(command(*args, script=script), env=env, check=False, **options)


def begin(
    *args: str, env: Mapping[str, str] | None = None, script: str | None = None, **streams: IO[Any]
) -> forked.Process | subprocess.Popen[bytes]:
    """The `vestry` command as a process that goes on; with a `script`, Python that runs that with these arguments.

    A stream that is not given leads nowhere.
    """
    if forked.works:
        return forked.Process(args, env, script=script, **streams)
    nowhere = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    return subprocess.Popen(command(*args, script=script), env={**os.environ, **(env or {})}, **{**nowhere, **streams})  # type: ignore[call-overload,no-any-return]


def command(*args: str, script: str | None = None) -> Sequence[str]:
    return [sys.executable, "-c", script, *args] if script else [str(Path(sys.executable).with_name("vestry")), *args]


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
