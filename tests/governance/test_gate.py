"""The one gate: who reads which columns and rows of what, and what is written down of it."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from council import Council, vestry
from governed import ANN, DOOR, NURSE, PARTNER, PEOPLE, RECIPE, STRANGER
from vestry.catalogue.live import Live
from vestry.governance import audit
from vestry.governance.access.gate import Gate
from vestry.governance.access.grants import Grant, end, give, open_grants
from vestry.governance.access.release import forget
from vestry.governance.access.terms import Condition, Terms
from vestry.governance.access.treatment import Treatment
from vestry.governance.access.view import Refused
from vestry.governance.identity.user import User
from vestry.governance.state import connect
from vestry.project import TableName

pytestmark = pytest.mark.slow

CLIENT = TableName("adults", "care", "client")
WARD = TableName("adults", "wards", "ward")
SOON = date.today() + timedelta(days=30)


def granted(
    gate: Gate,
    user: User,
    columns: dict[str, Treatment],
    *rows: Condition,
    purpose: str = "calls to residents",
    agreement: str | None = None,
    **more: Any,
) -> Grant:
    project = gate.live.workspace.project
    with connect(project) as con:
        terms = Terms({CLIENT: columns}, **{"until": SOON, **more}, rows=rows)
        return give(con, project, user.id, "adults.care", purpose, terms, ["u-olu"], agreement)


def rows(gate: Gate, user: User, table: TableName = CLIENT, purpose: str = "") -> list[tuple[Any, ...]]:
    """What a door would read."""
    reading = gate.read(user, [table], DOOR, purpose)
    with gate.live.workspace.engine.cursor() as con:
        found = con.execute(f"SELECT * FROM {reading.releases[table].relation()} ORDER BY ALL").fetchall()
    reading.give(len(found))
    return found


def held(folder: Path) -> str:
    """Everything that lies in a table's folder: what its files decode to, with their statistics, and its log."""
    files = [pq.ParquetFile(file) for file in folder.glob("*.parquet")]
    return str([(f.read().to_pylist(), f.metadata.to_dict()) for f in files]) + "".join(
        file.read_text() for file in folder.rglob("*.json")
    )


def names(gate: Gate, user: User, purpose: str = "") -> list[str]:
    return [column.name for column in gate.view(user, CLIENT, DOOR, purpose).columns]


def test_what_is_not_personal_is_read_by_staff_from_the_table_itself(gate: Gate) -> None:
    reading = gate.read(ANN, [WARD], DOOR)
    assert reading.releases[WARD].table == WARD
    assert rows(gate, ANN, WARD) == [("North", "The North ward"), ("South", "The South ward")]


def test_no_column_of_a_table_of_people_is_read_without_a_grant(gate: Gate) -> None:
    with pytest.raises(Refused, match=r"adults\.care\.client holds personal data, and no grant"):
        gate.read(ANN, [CLIENT], DOOR)
    (line,) = audit.lines(gate.live.workspace.project)
    assert (line.entry.who, line.entry.allowed, line.reads[0].table) == ("u-ann", False, CLIENT)


def test_who_is_nobody_here_does_not_learn_which_tables_there_are(gate: Gate) -> None:
    said = []
    for table in (CLIENT, TableName("adults", "care", "nothing")):
        with pytest.raises(Refused) as refused:
            gate.read(STRANGER, [table], DOOR)
        said.append(str(refused.value).replace(str(table), "it").splitlines()[0])
    assert said == ["there is no table it that you may read"] * 2


def test_a_grant_shows_its_columns_as_it_says_and_its_rows(gate: Gate) -> None:
    columns = {"id": Treatment.HASHED, "born": Treatment.YEAR, "postcode": Treatment.DISTRICT, "ward": Treatment.CLEAR}
    granted(gate, ANN, columns, Condition("ward", ("North",)))
    found = rows(gate, ANN)
    assert sorted(row[1:] for row in found) == [("1950", "WX1", "North"), ("1980", "WX1", "North")]
    assert all(len(row[0]) == 64 for row in found)


def test_special_category_needs_the_role_besides_the_grant(gate: Gate) -> None:
    for user in (ANN, NURSE):
        granted(gate, user, {"name": Treatment.CLEAR, "note": Treatment.CLEAR})
    assert names(gate, ANN) == ["name"]
    assert names(gate, NURSE) == ["name", "note"]


def test_hashes_meet_within_a_purpose_and_not_across(gate: Gate) -> None:
    granted(gate, ANN, {"id": Treatment.HASHED, "ward": Treatment.CLEAR}, purpose="the first purpose")
    granted(gate, NURSE, {"id": Treatment.HASHED}, purpose="The first  purpose")
    granted(gate, ANN, {"id": Treatment.HASHED}, purpose="another purpose")
    first = {row[0] for row in rows(gate, ANN, purpose="the first purpose")}
    assert first == {row[0] for row in rows(gate, NURSE)}
    assert first.isdisjoint(row[0] for row in rows(gate, ANN, purpose="another purpose"))


def test_of_several_purposes_one_must_be_said(gate: Gate) -> None:
    granted(gate, ANN, {"name": Treatment.CLEAR}, purpose="the first purpose")
    granted(gate, ANN, {"ward": Treatment.CLEAR}, purpose="another purpose")
    with pytest.raises(Refused, match="for several purposes: another purpose; the first purpose"):
        gate.view(ANN, CLIENT, DOOR)
    assert names(gate, ANN, "another purpose") == ["ward"]
    with pytest.raises(Refused, match="no grant lets you read it for `a third`"):
        gate.view(ANN, CLIENT, DOOR, "a third")


def test_a_grant_is_read_by_nobody_else(gate: Gate) -> None:
    granted(gate, ANN, {"name": Treatment.CLEAR})
    for user in (NURSE, STRANGER, PARTNER):
        with pytest.raises(Refused):
            gate.view(user, CLIENT, DOOR)


def test_a_grant_ends_by_itself_by_its_review_and_when_it_is_ended(gate: Gate, residents: Council) -> None:
    for column, more in (
        ("until", {"until": date.today() - timedelta(days=1)}),
        ("review", {"review": date.today() - timedelta(days=1)}),
    ):
        granted(gate, ANN, {"name": Treatment.CLEAR}, purpose=f"over by its {column}", **more)
    with pytest.raises(Refused):
        gate.view(ANN, CLIENT, DOOR)
    grant = granted(gate, ANN, {"name": Treatment.CLEAR})
    assert names(gate, ANN) == ["name"]
    end(gate.live.workspace.project, grant.id, "u-olu", "no longer needed")
    with pytest.raises(Refused):
        gate.view(ANN, CLIENT, DOOR)


def test_a_newer_grant_for_the_same_purpose_takes_the_place_of_the_older(gate: Gate) -> None:
    granted(gate, ANN, {"name": Treatment.CLEAR, "ward": Treatment.CLEAR})
    newer = granted(gate, ANN, {"ward": Treatment.CLEAR}, purpose="Calls  to residents")
    assert names(gate, ANN) == ["ward"]
    assert open_grants(gate.live.workspace.project) == [newer]


def test_rows_that_cannot_be_told_apart_are_not_shown(gate: Gate) -> None:
    granted(gate, ANN, {"name": Treatment.CLEAR}, Condition("district", ("North",)))
    with pytest.raises(Refused):
        gate.view(ANN, CLIENT, DOOR)


def test_a_condition_that_does_not_fit_its_column_says_no_value(gate: Gate) -> None:
    granted(gate, ANN, {"name": Treatment.CLEAR}, Condition("born", least="Ada Testperson"))
    with pytest.raises(Exception, match="could not be written out") as failed:
        gate.read(ANN, [CLIENT], DOOR)
    assert "Testperson" not in str(failed.value)


def test_a_partner_reads_under_an_agreement_what_it_covers_while_it_is_in_force(residents: Council) -> None:
    text = """
        name: The trust
        parties: [Testham, The trust]
        purpose: Health visits
        lawful_basis: public task
        tables:
          adults.care.client: [id, ward]
        starts: 2026-01-01
        ends: {ends}
        review: 2026-06-01
    """
    residents.write("agreements/trust.yaml", text.format(ends="2099-01-01"))
    gate = Gate(Live(residents.root))
    granted(
        gate,
        PARTNER,
        {"id": Treatment.CLEAR, "name": Treatment.CLEAR, "ward": Treatment.CLEAR},
        purpose="Health visits",
        agreement="trust",
    )
    assert names(gate, PARTNER) == ["id", "ward"]
    residents.write("agreements/trust.yaml", text.format(ends="2026-06-30"))
    gate.live.refresh()
    with pytest.raises(Refused):
        gate.view(PARTNER, CLIENT, DOOR)


def test_a_policy_of_the_council_outranks_and_is_followed_at_once(gate: Gate, residents: Council) -> None:
    granted(gate, ANN, {"name": Treatment.CLEAR, "ward": Treatment.CLEAR})
    residents.write(
        "policies/office.cedar",
        """
        @id("names only in the office")
        forbid (principal, action == Action::"readClear", resource)
        when { resource.classification == "personal" && !context.network.isInRange(ip("10.0.0.0/8")) };
        """,
    )
    assert names(gate, ANN) == ["ward"]
    view = gate.view(ANN, CLIENT, replace(DOOR, network="10.1.2.3"))
    assert [column.name for column in view.columns] == ["name", "ward"]
    (residents.root / "policies/office.cedar").unlink()
    assert names(gate, ANN) == ["name", "ward"]


def test_where_policies_cannot_be_read_nobody_reads(gate: Gate, residents: Council) -> None:
    residents.write("policies/broken.cedar", "permit (principal, action")
    with pytest.raises(Refused, match="the policies cannot be read"):
        gate.view(ANN, WARD, DOOR)


def test_a_release_follows_the_table_and_costs_what_changed(gate: Gate, residents: Council) -> None:
    granted(gate, ANN, {"name": Treatment.CLEAR, "ward": Treatment.CLEAR}, Condition("ward", ("North",)))
    before = gate.read(ANN, [CLIENT], DOOR).releases[CLIENT]
    assert gate.read(ANN, [CLIENT], DOOR).releases[CLIENT].files == before.files
    residents.drop("clients.csv", PEOPLE + "4,Di Testperson,1999-01-01,WX1 1AC,North,\n")
    residents.good()
    gate.live.refresh()
    assert [row[0] for row in rows(gate, ANN)] == ["Ada Testperson", "Bo Testperson", "Di Testperson"]
    after = gate.read(ANN, [CLIENT], DOOR).releases[CLIENT]
    assert after.version > before.version and after.table == before.table


def test_a_release_holds_nothing_that_is_hidden(gate: Gate, residents: Council) -> None:
    granted(gate, ANN, {"ward": Treatment.CLEAR, "id": Treatment.HASHED}, Condition("ward", ("North",)))
    release = gate.read(ANN, [CLIENT], DOOR).releases[CLIENT]
    found = held(residents.root / "lake" / release.table.folder)
    assert "North" in found
    assert "Testperson" not in found and "South" not in found and "WX1" not in found


def test_the_release_of_a_grant_that_is_ended_goes(gate: Gate, residents: Council) -> None:
    grant = granted(gate, ANN, {"ward": Treatment.CLEAR})
    release = gate.read(ANN, [CLIENT], DOOR).releases[CLIENT]
    assert forget(gate.live.workspace, {grant.id}) == 0
    assert forget(gate.live.workspace, set()) == 1
    assert not (residents.root / "lake" / release.table.folder).exists()


def test_a_release_that_nobody_reads_goes_and_is_made_again(gate: Gate, residents: Council) -> None:
    grant = granted(gate, ANN, {"ward": Treatment.CLEAR})
    before = gate.read(ANN, [CLIENT], DOOR).releases[CLIENT]
    (mark,) = (residents.root / ".vestry/releases").iterdir()
    os.utime(mark, (0, 0))
    assert forget(gate.live.workspace, {grant.id}) == 1
    assert gate.read(ANN, [CLIENT], DOOR).releases[CLIENT].table == before.table
    assert len(rows(gate, ANN)) == 3


def test_what_the_table_does_not_hold_any_more_its_release_does_not_either(
    gate: Gate, residents: Council, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = granted(gate, ANN, {"name": Treatment.CLEAR})
    release = gate.read(ANN, [CLIENT], DOOR).releases[CLIENT]
    folder = residents.root / "lake" / release.table.folder
    residents.drop("clients.csv", PEOPLE.replace("1,Ada Testperson,1950-05-01,WX1 1AA,North,calls on Mondays\n", ""))
    residents.good()
    gate.live.refresh()
    assert len(rows(gate, ANN)) == 2
    assert "Ada Testperson" in held(folder)
    monkeypatch.setattr("vestry.governance.access.release._OVERTAKEN", 0)
    forget(gate.live.workspace, {grant.id})
    assert "Bo Testperson" in held(folder) and "Ada Testperson" not in held(folder)


def test_statistics_show_no_small_number_and_no_exact_one(gate: Gate, residents: Council) -> None:
    people = "".join(
        f"{100 + n},P{n} Testperson,1990-01-01,WX3 3AA,{'East' if n < 23 else 'West'},\n" for n in range(32)
    )
    residents.drop("clients.csv", PEOPLE + people)
    residents.good()
    gate.live.refresh()
    granted(gate, ANN, {"ward": Treatment.CLEAR}, statistics=True)
    assert rows(gate, ANN) == [("East", 25)]


def test_every_reading_leaves_a_line_that_says_by_which_right(gate: Gate) -> None:
    grant = granted(gate, ANN, {"name": Treatment.CLEAR, "born": Treatment.AGE_BAND})
    rows(gate, ANN)
    line = next(audit.lines(gate.live.workspace.project))
    assert line.entry.allowed and line.entry.rows == 3
    assert (line.entry.purpose, line.entry.grants) == ("calls to residents", (grant.id,))
    assert line.entry.rules == ("personal data by a grant",)
    assert line.reads[0].columns == {"name": "clear", "born": "age band"}


def test_what_can_she_see_and_who_can_see_this(gate: Gate) -> None:
    assert [str(v.table) for v in gate.seen(ANN, DOOR)] == ["adults.wards.ward"]
    grant = granted(gate, ANN, {"name": Treatment.CLEAR})
    assert [str(v.table) for v in gate.seen(ANN, DOOR)] == ["adults.care.client", "adults.wards.ward"]
    assert [g.id for g in gate.readers(CLIENT)] == [grant.id]
    assert gate.readers(WARD) == []


def test_conditions_that_read_alike_are_not_the_same_rule(gate: Gate, residents: Council) -> None:
    residents.drop("clients.csv", PEOPLE + "4,Di Testperson,1990-01-01,WX3 3AA,East,\n")
    residents.good()
    gate.live.refresh()
    granted(gate, ANN, {"name": Treatment.CLEAR}, Condition("ward", ("North", "South", "East")))
    granted(gate, NURSE, {"name": Treatment.CLEAR}, Condition("ward", ("North", "South, East")))
    assert len(rows(gate, ANN)) == 4
    assert [name for (name,) in rows(gate, NURSE)] == ["Ada Testperson", "Bo Testperson"]
    assert len({str(r) for user in (ANN, NURSE) for r in gate.view(user, CLIENT, DOOR).rows}) == 2


def test_the_order_of_rows_tells_nothing_of_what_is_hidden(gate: Gate, residents: Council) -> None:
    # The table is in the order of a column that is hidden, and two purposes show two others that are not to be joined.
    recipe = residents.root / "domains/adults/care/client.sql"
    recipe.write_text(f"{RECIPE} ORDER BY id DESC")
    many = "".join(
        f"{n:03},P{n * 7 % 100:03},19{n % 80 + 10}-01-01,WX3 3AA,East,n{n * 3 % 100:03}\n" for n in range(100)
    )
    residents.drop("clients.csv", "id,name,born,postcode,ward,note\n" + many)
    residents.good()
    gate.live.refresh()
    granted(gate, NURSE, {"name": Treatment.CLEAR, "ward": Treatment.HASHED}, purpose="one purpose")
    granted(gate, NURSE, {"note": Treatment.CLEAR, "ward": Treatment.HASHED}, purpose="another purpose")
    told = {line.split(",")[1]: line.split(",")[5] for line in many.splitlines()}
    given = []
    for purpose, column in (("one purpose", "name"), ("another purpose", "note")):
        release = gate.read(NURSE, [CLIENT], DOOR, purpose).releases[CLIENT]
        with gate.live.workspace.engine.cursor() as con:
            found = con.execute(f"SELECT {column} FROM {release.relation()}").fetchall()
        given.append([value for (value,) in found])
    assert sum(told[name] == note for name, note in zip(*given, strict=True)) < 50


def test_who_can_see_this_tells_what_policies_open_without_a_grant(gate: Gate, residents: Council) -> None:
    def told(table: TableName) -> dict[str, list[str]]:
        return {who: [column.name for column in view.columns] for who, view in gate.opened(table, DOOR)}

    assert told(CLIENT) == {}
    assert told(WARD) == {"anybody": ["name"], "everybody on the staff": ["ward", "name"]}
    residents.write(
        "policies/owners.cedar",
        """
        @id("owners see the wards of their people")
        permit (principal in Role::"owner", action in Action::"read", resource)
        when { principal.domains.contains(resource.domain) && resource.classification == "internal" };
        """,
    )
    assert told(CLIENT) == {"whoever has the role owner": ["ward"]}
    said = vestry("access", str(CLIENT), "-C", str(residents.root)).stdout
    assert "whoever has the role owner" in said and "owners see the wards of their people" in said
