"""`vestry check`: every fault of a project at once, with what only the engine can tell.

Each SELECT is bound against empty tables: those of other products with the columns that their
contracts promise, those of bronze with the columns that they have in the lake. Nothing is read
and nothing runs. SQL over a bronze table that was never loaded is left until it has been.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.project import Fault, Product, ProductTable, Project, TableName, VestryError
from vestry.project.check import Examined, examine
from vestry.project.columns import column_faults
from vestry.project.contract import duckdb_type
from vestry.project.inputs import recipe_shown, recipe_text
from vestry.project.models import SnapshotFile
from vestry.project.names import DECISION, SYSTEM, quote
from vestry.project.rules import filled
from vestry.project.secrets import expand
from vestry.project.sql import Made, made_columns
from vestry.project.yamlfile import read_yaml

if TYPE_CHECKING:
    from vestry.lake import Engine, Lake

Columns = dict[str, str]
#: A type as a contract may write it: DECIMAL(18,2), VARCHAR[], STRUCT(a INTEGER), TIMESTAMP WITH TIME ZONE.
_TYPE = re.compile(r"""[A-Za-z_][\w ()\[\],"']*\Z""")


def check(root: Path) -> list[Fault]:
    """Every fault of the project at or above a folder, in the order of files and lines."""
    examined = examine(root)
    if not examined.project.products:
        return examined.faults
    told = {(fault.file, fault.line) for fault in examined.faults}
    more = {fault for fault in _Binding(examined).faults() if (fault.file, fault.line) not in told}
    return sorted([*examined.faults, *more])


class _Binding:
    """One engine over empty tables, and what SQL says when it is bound there."""

    def __init__(self, examined: Examined) -> None:
        from vestry.lake import Engine, Lake  # late: where files alone are wrong, no engine starts

        self.examined = examined
        self.project = examined.project
        self.lake: Lake | None = _lake(self.project, Lake)
        self.engine: Engine = Engine(self.lake or Lake(str(self.project.root), self.project.state))
        self.con = self.engine.cursor()
        self.shapes: dict[TableName, Columns | None] = {}
        self.types: dict[str, bool] = {}

    def faults(self) -> Iterator[Fault]:
        try:
            for name in self._order():
                table = self.project.tables[name]
                product = self.project.product_of(name)
                if product is not None:
                    yield from self._table(product, table)
        finally:
            self.engine.close()

    def _order(self) -> list[TableName]:
        inputs = self.examined.inputs
        tables = self.project.tables
        graph = {name: [r.name for r in inputs.get(name, ()) if r.name in tables] for name in tables}
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError:
            return sorted(graph)

    def _table(self, product: Product, table: ProductTable) -> Iterator[Fault]:
        wrong = list(self._type_faults(product, table))
        yield from wrong
        made: Columns = {}
        if self._mount_inputs(table.name):
            if table.name in self.examined.queries:
                found, faults = self._bind_sql(product, table)
            elif table.name in self.examined.snapshots:
                found, faults = self._bind_snapshot(product, table, self.examined.snapshots[table.name])
            else:
                found, faults = {}, self._bind_selects(table)
            yield from faults
            made = found
        kinds = {c.name: self._promised(c.name, table) or made.get(c.name) for c in table.contract.columns}
        shape = {column: kind for column, kind in kinds.items() if kind}
        known = len(shape) == len(table.contract.columns) and bool(shape)
        self.shapes[table.name] = shape if known else None
        if known:
            self.engine.mount_empty(table.name, shape)
            yield from self._rules(product, table)

    def _promised(self, column: str, table: ProductTable) -> str | None:
        promised = table.contract.column(column)
        kind = duckdb_type(promised) if promised else None
        return kind if kind and self._is_type(kind) else None

    def _is_type(self, kind: str) -> bool:
        import duckdb

        if kind not in self.types:
            try:
                self.types[kind] = bool(_TYPE.match(kind)) and bool(self.con.execute(f"SELECT CAST(NULL AS {kind})"))
            except duckdb.Error:
                self.types[kind] = False
        return self.types[kind]

    def _type_faults(self, product: Product, table: ProductTable) -> Iterator[Fault]:
        for column in table.contract.columns:
            if column.physical_type and not self._is_type(column.physical_type):
                line = product.line(table.name.table, column.name, "physicalType")
                what = f"`{column.physical_type}`, promised for `{column.name}`, is no type that DuckDB knows"
                yield Fault(product.file.path, line, what, "write such as VARCHAR, BIGINT, DATE, DECIMAL(18,2)")

    def _mount_inputs(self, name: TableName) -> bool:
        """Let SQL see what the recipe reads; False where the columns of some of it are not known."""
        if name not in self.examined.inputs:
            return False
        found = [r.name for r in self.examined.inputs[name]]
        mounted = [self._mount(n) for n in found if n is None or not n.table.endswith(f"__{DECISION}")]
        return all(mounted)

    def _mount(self, name: TableName | None) -> bool:
        if name is None:
            return False
        if name not in self.shapes:
            columns = self._outside(name)
            self.shapes[name] = columns
            if columns:
                self.engine.mount_empty(name, columns)
        return self.shapes[name] is not None

    def _outside(self, name: TableName) -> Columns | None:
        """The columns of a table that no recipe makes: bronze, companions, the platform's own."""
        base = TableName(name.domain, name.product, name.table.removesuffix("__quarantine"))
        if base != name and (shape := self.shapes.get(base)):
            return {**shape, "_reason": "VARCHAR", "_run": "VARCHAR"}
        if self.lake is None or not (name in self.project.bronze or "__" in name.table or name.domain == SYSTEM):
            return None
        return self.lake.columns(name) or None

    def _bind_sql(self, product: Product, table: ProductTable) -> tuple[Columns, list[Fault]]:
        shown = recipe_shown(table)
        described, fault = self._describe(recipe_text(table).strip("\ufeff"), shown)
        if fault:
            return {}, [fault]
        written = made_columns(self.examined.queries[table.name])
        if written is not None and len(written) == len(described):
            made, faults = written, []
        else:  # a star: its columns are known only now
            rows = enumerate(recipe_text(table).splitlines(), 1)
            line = next((number for number, row in rows if "*" in row.partition("--")[0]), 1)
            made = [Made(name, line) for name, _ in described]
            faults = list(column_faults(product, table, made))
        faults += self._differing(product, table, made, described, shown)
        return dict(described), faults

    def _differing(
        self,
        product: Product,
        table: ProductTable,
        made: Sequence[Made],
        described: Sequence[tuple[str, str]],
        shown: str,
    ) -> Iterator[Fault]:
        from vestry.products.types import agrees

        promised = {c.name.casefold(): c for c in table.contract.columns}
        for column, (name, kind) in zip(made, described, strict=True):
            wanted = promised.get(name.casefold())
            if wanted is None or (said := self._promised(wanted.name, table)) is None or agrees(kind, said):
                continue
            line = product.line(table.name.table, wanted.name)
            what = f"the column `{wanted.name}` is made as {kind}, and the contract promises {said}"
            mend = f"write CAST(… AS {said}), or change {product.file.path}:{line}"
            yield Fault(shown, column.line, what, mend)

    def _bind_snapshot(self, product: Product, table: ProductTable, spec: SnapshotFile) -> tuple[Columns, list[Fault]]:
        shown = recipe_shown(table)
        document = read_yaml(table.recipe, shown)
        feed = self.examined.inputs[table.name][0].name
        assert feed is not None
        columns = self.shapes[feed] or {}
        have = {c.casefold() for c in columns}
        faults: list[Fault] = []
        described: list[tuple[str, str]] = []
        made: list[Made] = []
        added = {"valid_from", "valid_to"} if table.part == "history" else set()
        for column in table.contract.columns:
            sql = spec.columns.get(column.name)
            if sql is None and column.name not in added and column.name.casefold() not in have:
                line = product.line(table.name.table, column.name)
                what = f"the contract promises the column `{column.name}`, and {feed} has none of that name"
                mend = f"say how it is made in `columns:` of {shown}, or take it out of the contract"
                faults.append(Fault(product.file.path, line, what, mend))
            elif column.name not in added:
                line = document.line(("columns", column.name))
                found, fault = self._describe(f"SELECT {sql or quote(column.name)} AS made FROM {feed}", shown, line)
                if fault:
                    faults.append(fault)
                elif found:
                    described.append((column.name, found[0][1]))
                    made.append(Made(column.name, line))
        others: dict[str, Sequence[str | None]] = {
            "deleted_when": [spec.deleted_when],
            "valid_from": [spec.valid_from],
            "order_by": spec.order_by,
        }
        for key, expressions in others.items():
            for sql in filter(None, expressions):
                _, fault = self._describe(f"SELECT {sql} AS made FROM {feed}", shown, document.line((key,)))
                faults += [fault] if fault else []
        faults += self._differing(product, table, made, described, shown)
        return dict(described), faults

    def _bind_selects(self, table: ProductTable) -> list[Fault]:
        """What another kind of recipe asks of its inputs, where its builder says so."""
        from vestry.products.builder import builder

        shown = recipe_shown(table)
        try:
            ask = getattr(builder(table.kind), "selects", None)
            found = [self._describe(sql, shown, line) for sql, line in (ask(table) if ask else ())]
        except VestryError:
            return []  # the recipe cannot be read, or nothing builds it: that has been told
        return [fault for _, fault in found if fault]

    def _rules(self, product: Product, table: ProductTable) -> Iterator[Fault]:
        index = [t.name for t in product.contract.tables].index(table.name.table)
        relation = ".".join(quote(part) for part in (table.name.domain, table.name.product, table.name.table))
        place: tuple[str | int, ...] = ("schema", index)
        rules = [(None, (*place, "quality", n), rule) for n, rule in enumerate(table.contract.quality)]
        for c, column in enumerate(table.contract.columns):
            inner = (*place, "properties", c, "quality")
            rules += [(column.name, (*inner, n), rule) for n, rule in enumerate(column.quality)]  # type: ignore[misc]
        for name, at, rule in rules:
            if rule.type == "sql" and rule.query:
                query = filled(rule.query, relation, name)
                _, fault = self._describe(query, product.file.path, product.file.line((*at, "query")), only="Binder")
                if fault:
                    yield Fault(fault.file, fault.line, f"the rule `{rule.name or 'SQL'}`: {fault.what}", fault.mend)

    def _describe(
        self, sql: str, shown: str, line: int | None = None, only: str = ""
    ) -> tuple[list[tuple[str, str]], Fault | None]:
        """The columns (name, type) of a SELECT, or the fault in it; `line` where all of it is one line of its file."""
        import duckdb

        self.engine.load_for(sql)
        try:
            rows = self.con.execute(f"DESCRIBE {sql.strip().rstrip(';')}").fetchall()
        except duckdb.Error as error:
            if only and not str(error).startswith(only):
                return [], None
            at, what, mend = _explained(str(error))
            before = len(sql) - len(sql.lstrip())
            return [], Fault(shown, line or at + sql[:before].count("\n"), what, mend)
        return [(str(row[0]), str(row[1])) for row in rows], None


def _lake(project: Project, lake: type[Lake]) -> Lake | None:
    """The project's lake, or None where its settings have a fault (which has been told)."""
    settings = project.settings.lake
    try:
        location = expand(settings.location, env=project.env)
        options: Mapping[str, str] = {key: expand(value, env=project.env) for key, value in settings.options.items()}
    except VestryError:
        return None
    if "://" not in location:
        location = str((project.root / location).resolve())
    return lake(location, project.state, options, settings.keep_days)


_NO_COLUMN = re.compile(r'(?:Referenced column|does not have a column named) "(.+?)"')
_NO_FUNCTION = re.compile(r"Function with name (\S+) does not exist")


def _explained(said: str) -> tuple[int, str, str]:
    """What DuckDB says of SQL: the line, what is wrong, and how to mend it."""
    at = re.search(r"^LINE (\d+):", said, re.MULTILINE)
    head = said.splitlines()[0].split(": ", 1)[-1].strip()
    near = re.findall(r'"([^"]+)"', next((r for r in said.splitlines() if "andidate" in r or "Did you mean" in r), ""))
    mend = f"did you mean `{near[0]}`?" if near else ""
    if found := _NO_COLUMN.search(head):
        what = f"there is no column `{found.group(1)}` in what is read here"
    elif found := _NO_FUNCTION.search(head):
        what = f"there is no function `{found.group(1)}`"
    else:
        what = head[:1].lower() + re.sub(r'"([^"]+)"', r"`\1`", head[1:]).rstrip(".")
    return int(at.group(1)) if at else 1, what, mend or "the SQL does not fit the tables that it reads: mend this line"
