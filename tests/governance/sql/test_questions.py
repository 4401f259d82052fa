"""A question through the gate: what is seen, what is written down, and what is not given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from council import Council
from governed import ANN, NURSE, STRANGER, governed
from vestry.catalogue.live import Live
from vestry.governance import audit
from vestry.governance.access.gate import Gate, Where
from vestry.governance.access.grants import Grant, end, give
from vestry.governance.access.terms import Condition, Terms
from vestry.governance.access.treatment import Treatment
from vestry.governance.access.view import Refused
from vestry.governance.identity.user import User
from vestry.governance.sql import saved
from vestry.governance.sql.questions import Answer, Questions
from vestry.governance.state import connect
from vestry.project import TableName, VestryError

pytestmark = pytest.mark.slow  # each question is a process of its own

CLIENT = TableName("adults", "care", "client")
PERSON = TableName("adults", "index", "person")
SOON = date.today() + timedelta(days=30)
DOOR = Where("sql")


@dataclass
class Town:
    """A council whose people are asked about."""

    council: Council
    gate: Gate
    questions: Questions

    def ask(self, sql: str, user: User = ANN, purpose: str = "") -> Answer:
        return self.questions.ask(user, sql, DOOR, purpose)

    def rows(self, sql: str, user: User = ANN, purpose: str = "") -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.ask(sql, user, purpose).rows.to_pylist()]

    def refused(self, sql: str, user: User = ANN, purpose: str = "") -> Refused:
        with pytest.raises(Refused) as error:
            self.ask(sql, user, purpose)
        return error.value

    def give(self, user: User, columns: dict[str, Treatment], *rows: Condition, **more: Any) -> Grant:
        project = self.gate.live.workspace.project
        table, purpose = more.pop("table", CLIENT), more.pop("purpose", "calls to residents")
        with connect(project) as con:
            terms = Terms({table: columns}, SOON, rows, **more)
            return give(con, project, user.id, f"{table.domain}.{table.product}", purpose, terms, ["u-olu"])

    def end(self, grant: Grant) -> None:
        end(self.gate.live.workspace.project, grant.id, "u-olu", "it is over")

    def told(self) -> audit.Line:
        return next(audit.lines(self.gate.live.workspace.project, most=1))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    council = governed(tmp_path_factory.mktemp("town"))
    council.write("vestry.toml", '[council]\nname = "Testham"\n[sql]\nmemory_mb = 256\nthreads = 2\n')
    personal = "logicalType: string, classification: personal"
    council.product(
        "adults.index",
        {"person_id": personal, "name": personal},
        person_sql="SELECT 'P' || id AS person_id, name FROM bronze.care.client",
    )
    council.good()
    gate = Gate(Live(council.root))
    questions = Questions(gate)
    yield Town(council, gate, questions)
    questions.close()
    gate.live.workspace.close()


@pytest.fixture
def granted(town: Town) -> Iterator[Grant]:
    """Ann sees the wards and years of birth of the north."""
    grant = town.give(ANN, {"born": Treatment.YEAR, "ward": Treatment.CLEAR}, Condition("ward", ("North",)))
    yield grant
    town.end(grant)


def test_what_is_not_personal_is_asked_by_any_of_the_staff(town: Town) -> None:
    assert town.rows("SELECT name FROM adults.wards.ward ORDER BY ward") == [("The North ward",), ("The South ward",)]
    line = town.told()
    assert (line.entry.who, line.entry.door, line.entry.allowed, line.entry.rows) == ("u-ann", "sql", True, 2)


def test_a_grants_columns_and_rows_are_all_that_there_is(town: Town, granted: Grant) -> None:
    assert town.rows("FROM adults.care.client ORDER BY born") == [("1950", "North"), ("1980", "North")]
    assert town.rows("SELECT COLUMNS('.*') FROM adults.care.client ORDER BY born")[0] == ("1950", "North")
    assert [row[:2] for row in town.rows("DESCRIBE adults.care.client")] == [("born", "VARCHAR"), ("ward", "VARCHAR")]
    summary = town.rows("SUMMARIZE adults.care.client")
    assert [row[:4] for row in summary] == [("born", "VARCHAR", "1950", "1980"), ("ward", "VARCHAR", "North", "North")]


@pytest.mark.parametrize("of", ["count(name)", "min(name)", "name", "max(note)", "c.name", "any_value(c)['name']"])
def test_a_hidden_column_is_not_counted_either(town: Town, granted: Grant, of: str) -> None:
    error = town.refused(f"SELECT {of} FROM adults.care.client AS c")
    assert "Testperson" not in str(error)
    assert town.told().entry.allowed is False


def test_a_hidden_row_is_in_no_count_and_no_error(town: Town, granted: Grant) -> None:
    assert town.rows("SELECT count(*), count(*) FILTER (ward = 'South') FROM adults.care.client") == [(2, 0)]
    error = town.refused("SELECT CAST(ward AS INT) FROM adults.care.client")
    assert error.what == "a value cannot be converted to the type asked for"
    assert "North" not in str(error)


def test_the_audit_has_tables_and_no_text(town: Town, granted: Grant) -> None:
    town.ask("SELECT * FROM adults.care.client WHERE ward = 'Zebedee'")
    first = town.told()
    town.ask("SELECT * FROM adults.care.client WHERE ward = 'Zebedee'")
    second = town.told()
    assert first.entry.note == second.entry.note and first.entry.note.startswith("query ")
    town.refused("SELECT getenv('Zebedee') FROM adults.care.client")
    town.refused("SELECT zebedee FROM adults.care.client")
    town.refused("SELECT * FROM Zebedee")
    said = [line.entry.note for line in audit.lines(town.gate.live.workspace.project, most=3)]
    assert [note.partition(": ")[2] for note in said] == [
        "not answered (table)", "not answered (names)", "not answered (function)",
    ]  # fmt: skip
    lines = list(audit.lines(town.gate.live.workspace.project))
    assert "zebedee" not in str(lines).casefold()
    assert [str(read.table) for read in lines[1].reads] == ["adults.care.client"]


def test_the_people_that_a_short_answer_shows_are_named_in_the_audit(town: Town) -> None:
    grant = town.give(ANN, {"person_id": Treatment.CLEAR, "name": Treatment.CLEAR}, table=PERSON)
    try:
        # Whatever the column is called; and a name that calls itself an id is none.
        town.ask("SELECT person_id AS x, name AS person_id FROM adults.index.person WHERE person_id <> 'P2'")
        assert town.told().entry.people == ("P1", "P3")
        town.ask("SELECT count(*) FROM adults.index.person")
        assert town.told().entry.people == ()
        town.ask("SELECT p.person_id FROM adults.index.person AS p, range(1000)")
        assert (town.told().entry.rows, town.told().entry.people) == (3000, ())
    finally:
        town.end(grant)


def test_hashed_people_are_named_nowhere(town: Town) -> None:
    grant = town.give(ANN, {"person_id": Treatment.HASHED}, table=PERSON)
    try:
        assert len(town.rows("FROM adults.index.person")) == 3
        assert town.told().entry.people == ()
    finally:
        town.end(grant)


def test_without_a_grant_nothing_is_read_and_who_is_nobody_learns_nothing(town: Town, granted: Grant) -> None:
    assert "no grant lets you read it" in town.refused("FROM adults.care.client", NURSE).what
    said = [town.refused(f"FROM adults.care.{name}", STRANGER).what.replace(name, "it") for name in ("client", "nix")]
    assert said[0] == said[1]
    assert "adults.index.person" in town.refused("FROM adults.care.client, adults.index.person").what


def test_a_grant_that_ends_closes_the_next_question_and_the_one_that_is_being_answered(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = town.give(ANN, {"ward": Treatment.CLEAR})
    assert len(town.rows("FROM adults.care.client")) == 3
    look_again = Questions._look_again

    def ended_meanwhile(self: Questions, *arguments: Any) -> None:
        town.end(grant)
        look_again(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Questions, "_look_again", ended_meanwhile)
        assert "has changed meanwhile" in town.refused("FROM adults.care.client").what
    assert (town.told().entry.allowed, town.told().entry.rows) == (False, None)
    assert "no grant" in town.refused("FROM adults.care.client").what


def test_of_several_purposes_one_is_said(town: Town) -> None:
    grants = [
        town.give(ANN, {"ward": Treatment.CLEAR}, purpose="one"),
        town.give(ANN, {"born": Treatment.CLEAR}, purpose="two"),
    ]
    try:
        assert "for several purposes: one; two" in town.refused("FROM adults.care.client").what
        assert town.ask("FROM adults.care.client", purpose="two").rows.column_names == ["born"]
        assert town.told().entry.purpose == "two"
    finally:
        for grant in grants:
            town.end(grant)


def test_the_macros_of_products_work_in_questions(town: Town) -> None:
    sql = "SELECT uk_date('24/12/2010'), postcode('wx11aa'), money('£1,234.50')::VARCHAR, name_key('O''Brien')"
    assert town.rows(sql) == [(date(2010, 12, 24), "WX1 1AA", "1234.50", "OBRIEN")]


def test_half_a_character_is_refused_and_not_a_crash(town: Town) -> None:
    assert town.refused("SELECT '\udc80'").what == "the question holds half a character"


def test_a_question_is_kept_for_oneself_or_shared(town: Town, granted: Grant) -> None:
    project = town.gate.live.workspace.project
    owner = User("u-olu", "Olu", roles=frozenset({"staff", "owner"}), domains=frozenset({"adults"}))
    mine = saved.save(project, ANN, "Wards", "FROM adults.care.client", "calls to residents")
    assert saved.saved_for(project, NURSE) == saved.saved_for(project, owner) == []
    shared = saved.save(project, ANN, "Wards", "FROM adults.care.client", "", "adults", key=mine.id)
    assert shared.id == mine.id
    assert (saved.saved_for(project, owner), saved.saved_for(project, NURSE)) == ([shared], [])
    everybody = saved.save(project, ANN, "Wards", shared.sql, "", saved.ALL, key=mine.id)
    assert saved.saved(project, NURSE, mine.id) == everybody
    # Whoever asks it sees what they may.
    assert "no grant" in town.refused(saved.saved(project, NURSE, mine.id).sql, NURSE).what
    # Nobody else's is replaced or deleted.
    assert saved.save(project, NURSE, "Theirs", "SELECT 1", key=mine.id).id != mine.id
    with pytest.raises(VestryError, match="no such question of yours"):
        saved.forget(project, NURSE, mine.id)
    saved.forget(project, ANN, mine.id)
    with pytest.raises(VestryError, match="no such question"):
        saved.saved(project, ANN, mine.id)
    with pytest.raises(VestryError, match="there is no domain `adult`") as error:
        saved.save(project, ANN, "Wards", "SELECT 1", "", "adult")
    assert error.value.mend == "did you mean `adults`?"


def test_statistics_are_asked_as_counts(town: Town) -> None:
    grant = town.give(ANN, {"ward": Treatment.CLEAR}, statistics=True)
    try:
        found = town.ask("FROM adults.care.client")
        assert (found.rows.column_names, found.rows.num_rows) == (["ward", "number"], 0)  # of fewer than ten none
    finally:
        town.end(grant)


def test_what_the_audit_tells_a_question_by_is_no_hash_of_a_purpose(town: Town) -> None:
    # Whoever may read the audit and asks for a purpose of that name could else try names: a question is any text.
    grant = town.give(ANN, {"name": Treatment.HASHED}, purpose="questions in SQL")
    try:
        hashes = {name[:16] for (name,) in town.rows("SELECT name FROM adults.care.client")}
        town.refused("Ada Testperson")
        assert hashes and not any(start in town.told().entry.note for start in hashes)
    finally:
        town.end(grant)
