"""The gate: every door asks it, and gets the same answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from vestry.catalogue.live import Live
from vestry.catalogue.model import ColumnEntry, TableEntry
from vestry.governance.access.grants import Grant, grants_of, open_grants
from vestry.governance.access.release import Release, release_of
from vestry.governance.access.terms import plain
from vestry.governance.access.treatment import Treatment, fits
from vestry.governance.access.view import Refused, Shown, View
from vestry.governance.audit import Entry, Read, write
from vestry.governance.identity.user import User
from vestry.governance.policies.rules import Circumstances, Question, Reader, Resource, Rules
from vestry.governance.state import today
from vestry.project import Project, TableName
from vestry.project.errors import did_you_mean


@dataclass(frozen=True)
class Where:
    """Through which door somebody comes, and from where."""

    door: str
    network: str = "127.0.0.1"


class Reading:
    """Leave to read some tables. `give` writes the audit's line, and is called before any row leaves the door."""

    def __init__(self, gate: Gate, user: User, where: Where, releases: Sequence[Release]) -> None:
        self._gate, self._user, self._where = gate, user, where
        self.releases = {release.view.table: release for release in releases}

    def give(self, rows: int, people: Iterable[str] = (), note: str = "") -> None:
        """Write down that so many rows are given; `people` are ids of those whom the answer shows one by one."""
        self._gate.told(self._user, self._where, self.releases.values(), rows, people, note)


class Gate:
    """Decides for one project; its policies are read again when their files change."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._rules: tuple[object, Rules] | None = None

    @property
    def rules(self) -> Rules:
        """The policies as they are now. Where they cannot be read nobody reads: see `Rules.faults`."""
        folder = self.live.root / "policies"
        signature = tuple((f.name, f.stat().st_mtime_ns, f.stat().st_size) for f in sorted(folder.glob("*.cedar")))
        if self._rules is None or self._rules[0] != signature:
            self._rules = signature, Rules.of(self.live.root)
        return self._rules[1]

    @property
    def today(self) -> date:
        return today(self._project)

    def view(self, user: User, table: TableName, where: Where, purpose: str = "") -> View:
        """What a user sees of a table, for a purpose where it needs one.

        Raises Refused, with why. Of a table that the user may not know of it is said that there is none.
        """
        entry = self.live.catalogue().tables.get(table)
        if entry is None or entry.state is None:
            known = self.live.catalogue().tables if user.has("staff") else ()
            mend = did_you_mean(str(table), map(str, known), "ask for it by the name that the portal shows")
            raise Refused(f"there is no table {table} that you may read", mend=mend)
        grant = self._grant(user, table, purpose)
        view = self._view(self.rules, user, entry, where, grant, grant.purpose if grant else purpose)
        if not view.columns:
            if not user.has("staff"):
                raise Refused(f"there is no table {table} that you may read", mend="ask whoever gave you access")
            raise Refused(
                f"the table {table} holds personal data, and no grant lets you read it"
                + (f" for `{purpose}`" if purpose else ""),
                mend=f"ask for it: product {table.domain}.{table.product}, in the portal or by `vestry request`",
            )
        return view

    def read(self, user: User, tables: Iterable[TableName], where: Where, purpose: str = "") -> Reading:
        """Leave to read tables, with the files that stand for them. Raises Refused, which is written down."""
        releases = []
        for table in dict.fromkeys(tables):
            try:
                view = self.view(user, table, where, purpose)
            except Refused as refused:
                entry = Entry(user.id, where.door, "read", False, purpose=purpose, note=refused.what)
                write(self.live.workspace.project, [entry], [Read(table, None, {})])
                raise
            releases.append(release_of(self.live.workspace, view, self.today))
        return Reading(self, user, where, releases)

    def told(
        self, user: User, where: Where, releases: Iterable[Release], rows: int, people: Iterable[str], note: str
    ) -> None:
        """Write down a reading."""
        found = list(releases)
        views = [release.view for release in found]
        entry = Entry(
            user.id,
            where.door,
            "read",
            True,
            rows=rows,
            purpose="; ".join(dict.fromkeys(v.purpose for v in views if v.purpose)),
            agreements=tuple(dict.fromkeys(v.grant.agreement for v in views if v.grant and v.grant.agreement)),
            grants=tuple(dict.fromkeys(v.grant.id for v in views if v.grant)),
            rules=tuple(dict.fromkeys(rule for v in views for rule in v.rules)),
            people=tuple(dict.fromkeys(people)),
            note=note,
        )
        reads = [Read(r.view.table, r.version, {c.name: str(c.treatment) for c in r.view.columns}) for r in found]
        write(self.live.workspace.project, [entry], reads)

    def seen(self, user: User, where: Where, among: Collection[TableName] | None = None) -> list[View]:
        """What a user can see (`among` some tables), each for each purpose: the answer to *what can she see*."""
        grants = [g for g in grants_of(self._project, user.id) if self._is_open(g)]
        rules, found = self.rules, []
        for entry in self.live.catalogue().tables.values():
            if entry.state is None or (among is not None and entry.name not in among):
                continue
            mine: list[Grant | None] = [g for g in grants if entry.name in g.terms.columns]
            for grant in mine or [None]:
                view = self._view(rules, user, entry, where, grant, grant.purpose if grant else "")
                if view.columns:
                    found.append(view)
        return found

    def readers(self, table: TableName) -> list[Grant]:
        """The open grants that show any of a table: the answer to *who can see this*."""
        product = f"{table.domain}.{table.product}"
        grants = open_grants(self._project, product)
        return [g for g in grants if self._is_open(g) and table in g.terms.columns]

    @property
    def _project(self) -> Project:
        return self.live.workspace.project

    def _is_open(self, grant: Grant) -> bool:
        agreement = self._project.agreements.get(grant.agreement) if grant.agreement else None
        is_agreed = grant.agreement is None or (agreement is not None and agreement.is_in_force(self.today))
        return grant.is_open(self.today) and is_agreed

    def _grant(self, user: User, table: TableName, purpose: str) -> Grant | None:
        """The grant that a reading stands under: the one for the purpose, or the only one."""
        found = [g for g in grants_of(self._project, user.id, table) if self._is_open(g)]
        if purpose:
            return next((g for g in found if plain(g.purpose) == plain(purpose)), None)
        if len(found) > 1:
            said = "; ".join(sorted({g.purpose for g in found}))
            raise Refused(f"you may read {table} for several purposes: {said}", mend="say for which of them you read")
        return found[0] if found else None

    def _view(
        self, rules: Rules, user: User, entry: TableEntry, where: Where, grant: Grant | None, purpose: str
    ) -> View:
        personal = entry.is_personal
        assert entry.state is not None
        kinds = entry.state.types
        terms = grant.terms.columns.get(entry.name, {}) if grant else {}
        agreement = self._project.agreements.get(grant.agreement) if grant and grant.agreement else None
        columns = [column for column in entry.columns if column.name in kinds]
        treatments, alike = [], []
        for column in columns:
            given = terms.get(column.name, Treatment.HIDDEN)
            if agreement and not agreement.covers(entry.name, column.name):
                given = Treatment.HIDDEN
            granted = given is not Treatment.HIDDEN and fits(given, kinds[column.name])
            treatment = given if granted else Treatment.CLEAR
            alike.append((_classification(column), granted, treatment is not Treatment.CLEAR))
            treatments.append(treatment)
        now = Circumstances(self.today, purpose, (grant.agreement or "") if grant else "", where.network, where.door)
        distinct = list(dict.fromkeys(alike))
        questions = [Question(_resource(entry, c, personal), granted, masked) for c, granted, masked in distinct]
        try:
            decided = rules.decide(Reader(user.roles, user.domains), now, questions)
        except ValueError as error:
            raise Refused("the policies cannot be read, so nobody reads", mend="`vestry check` says where") from error
        by_kind = dict(zip(distinct, decided, strict=True))
        answers = [by_kind[kind] for kind in alike]
        rows = grant.terms.rows if grant else ()
        if {condition.column for condition in rows} - set(kinds):
            answers = [type(a)(False, ()) for a in answers]  # rows that cannot be told apart are not shown at all
        shown = tuple(
            Shown(column.name, kinds[column.name], treatment)
            for column, treatment, answer in zip(columns, treatments, answers, strict=True)
            if answer.allowed
        )
        seen = {column.name for column in shown}
        return View(
            entry.name,
            shown,
            tuple(name for name in kinds if name not in seen),
            rows,
            bool(grant and grant.terms.statistics),
            personal,
            purpose,
            tuple(dict.fromkeys(rule for answer in answers if answer.allowed for rule in answer.rules)),
            grant,
        )


def _classification(column: ColumnEntry) -> str:
    """How policies see a column: what nobody has classified is personal."""
    return column.classification or ("personal" if column.is_personal else "internal")


def _resource(entry: TableEntry, classification: str, personal: bool) -> Resource:
    name = entry.name
    return Resource(name.domain, f"{name.domain}.{name.product}", str(name), entry.layer, classification, personal)
