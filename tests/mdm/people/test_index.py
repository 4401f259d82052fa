"""The citizen index over a small town: who is who, kept for life, decided by people, undone, and protected."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from town import FAMILY, GIVEN_F, MATCH, STREETS, Town, settle

from council import command
from vestry.mdm.people.decisions import decide, decisions_of, queue
from vestry.mdm.people.explain import Record
from vestry.mdm.people.grouping import LIVES_APART
from vestry.mdm.people.linker import Model
from vestry.mdm.people.scoring import BESIDES_NAMES, NAMES, meet, score
from vestry.mdm.people.standard import comparable, near, near_homes
from vestry.project import VestryError
from vestry.run.people import reader_of, unmerge

pytestmark = pytest.mark.slow

TAX, HOMES = "register.people.tax", "register.people.homes"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A town that has been indexed once; not to be changed."""
    town = Town(tmp_path_factory.mktemp("town") / "testham")
    settle(town)
    town.homes["FATHER"] = _row("George", "Harmsworth", "1961-02-03", "M", "7 Vicarage Road", "TS4 9QQ")
    town.homes["SON"] = _row("George", "Harmsworth", "1993-11-20", "M", "7 Vicarage Road", "TS4 9QQ")
    town.tax["SON"] = _row("GEORGE", "HARMSWORTH", "1993-11-20", "M", "7 Vicarage Rd", "TS4 9QQ")
    town.homes["TWIN1"] = _row("Lena", "Okonjo", "2012-07-08", "F", "3 Tithe Barn Lane", "TS2 4RR")
    town.homes["TWIN2"] = _row("Mara", "Okonjo", "2012-07-08", "F", "3 Tithe Barn Lane", "TS2 4RR")
    town.save()
    town.good()
    return town


@pytest.fixture
def town(settled: Town, tmp_path: Path) -> Town:
    """A copy of the settled town."""
    shutil.copytree(settled.root, tmp_path / "testham")
    copy = Town(tmp_path / "testham")
    copy.tax, copy.homes = {k: dict(v) for k, v in settled.tax.items()}, {k: dict(v) for k, v in settled.homes.items()}
    return copy


def _row(forename: str, surname: str, born: str, sex: str, address: str, postcode: str, **more: str) -> dict[str, str]:
    row = {"forename": forename, "surname": surname, "born": born, "sex": sex, "address": address, "postcode": postcode}
    return {**row, "seen": "2026-05-01", **more}


def _ids(town: Town) -> dict[tuple[str, str], str]:
    rows = town.rows("SELECT source, record_id, person_id FROM people.index.person_record")
    return {(source, record): person for source, record, person in rows}


def test_records_of_one_person_get_one_id_and_others_another(settled: Town) -> None:
    ids = _ids(settled)
    both = [n for n in settled.tax if n.startswith("T")]
    found = sum(ids[TAX, n] == ids[HOMES, f"H{n[1:]}"] for n in both)
    assert found > 0.95 * len(both)
    homes = [person for (source, record), person in ids.items() if source == HOMES and record.startswith("H")]
    assert len(set(homes)) > 0.99 * len(homes)  # the register of homes has each person once


def test_father_and_son_of_one_name_and_twins_are_two_people(settled: Town) -> None:
    father, son, other = settled.people(["homes/FATHER", "homes/SON", "tax/SON"])
    assert father != son
    assert other == son
    one, two = settled.people(["homes/TWIN1", "homes/TWIN2"])
    assert one != two


def test_a_rerun_with_no_change_does_nothing(town: Town) -> None:
    before = town.versions()
    assert all(o.status == "skipped" for o in town.good().values())
    assert town.versions() == before


def test_new_records_join_and_new_people_get_new_ids_and_no_other_id_changes(town: Town) -> None:
    before = _ids(town)
    town.tax["N1"] = {**town.homes["FATHER"], "forename": "GEORGE"}
    town.tax["N2"] = _row("Zelda", "Quarrington", "1979-09-09", "F", "99 Nowhere Close", "TS9 9ZZ")
    town.save()
    town.good()
    after = _ids(town)
    assert {k: after[k] for k in before} == before
    father, joined, new = town.people(["homes/FATHER", "tax/N1", "tax/N2"])
    assert joined == father
    assert new > max(before.values())
    kinds = town.rows(
        "SELECT kind, record_id FROM people.index.person_event WHERE record_id IN ('N1', 'N2') ORDER BY ALL"
    )
    assert kinds == [("join", "N1"), ("new", "N2")]
    assert town.one(f"SELECT records FROM people.index.person WHERE person_id = '{father}'") == 2


def test_a_record_that_goes_leaves_and_its_person_retires(town: Town) -> None:
    gone = town.people(["homes/TWIN1"])[0]
    del town.homes["TWIN1"]
    town.save()
    town.good()
    assert town.people(["homes/TWIN1"]) == ["nobody"]
    assert not town.rows(f"SELECT 1 FROM people.index.person WHERE person_id = '{gone}'")
    told = town.rows(f"SELECT kind FROM people.index.person_event WHERE old_person_id = '{gone}' ORDER BY event_id")
    assert told == [("leave",), ("retire",)]
    stored = town.lake.open(_companion("standard"))
    assert stored is not None
    workspace = town.open()
    with workspace.engine.cursor() as con:
        rest = con.execute(
            f"SELECT forename, line FROM {workspace.engine.relation(_companion('standard'))} WHERE gone"
        ).fetchall()
    assert rest == [(None, None)]  # nothing stays of it but its name


def _companion(name: str):  # type: ignore[no-untyped-def]
    from vestry.project import TableName

    return TableName("people", "index", "person").beside(name)


def test_same_merges_to_the_elder_id_and_the_old_id_still_resolves(town: Town) -> None:
    one, two = town.people(["homes/TWIN1", "homes/TWIN2"])
    with town.reader() as reader:
        decide(reader, Record(HOMES, "TWIN1"), Record(HOMES, "TWIN2"), "same", "Ann Clerk", "one child entered twice")
    assert "people.index.person__decision changed" in "; ".join(town.plan().values())
    town.good()
    elder, younger = sorted((one, two))
    assert town.people(["homes/TWIN1", "homes/TWIN2"]) == [elder, elder]
    with town.reader() as reader:
        assert reader.resolve(younger) == elder
        assert {r["record_id"] for r in reader.records(elder)} == {"TWIN1", "TWIN2"}
    events = town.rows(
        f"SELECT kind, person_id, decided_by FROM people.index.person_event WHERE old_person_id = '{younger}' ORDER BY event_id"
    )
    assert ("merge", elder, None) in events
    assert ("move", elder, "Ann Clerk") in events


def test_a_decision_outlives_retraining_and_different_holds_over_a_chain(town: Town) -> None:
    """A third record that is linked with both does not bring two together that are decided to be different."""
    with town.reader() as reader:
        decide(reader, Record(TAX, "SON"), Record(HOMES, "SON"), "different", "Ann Clerk", "cousins")
    town.homes["SON2"] = {**town.homes["SON"], "forename": "George"}
    file = town.root / "domains/people/index/person.match.yaml"
    file.write_text(file.read_text() + "not_names: [TENANT]\n")  # another setting: trained anew
    town.save()
    town.good()
    tax, first, second = town.people(["tax/SON", "homes/SON", "homes/SON2"])
    assert tax != first
    assert second in (tax, first)
    assert town.one("SELECT count(*) FROM people.index.person_record") == len(town.tax) + len(town.homes)


def test_unmerge_splits_for_good_and_names_what_was_built_again(town: Town) -> None:
    person = town.people(["tax/SON"])[0]
    said: list[str] = []
    workspace = town.open()
    unmerge(workspace, None, person, [f"{TAX}/SON"], "Ann Clerk", "another George", said.append)
    workspace.engine.close()
    tax, home = town.people(["tax/SON", "homes/SON"])
    assert tax != home
    assert "people.index.person, people.index.person_event, people.index.person_record" in _sorted_names(said)
    town.tax["T1"] = {**town.tax["T1"], "seen": "2026-07-01"}
    town.save()
    town.good()
    assert town.people(["tax/SON", "homes/SON"]) == [tax, home]


def _sorted_names(said: list[str]) -> str:
    built = next(s for s in said if s.startswith("Built again"))
    return ", ".join(sorted(built.removeprefix("Built again: ").split(", ")))


def test_a_split_leaves_the_id_with_most_records(town: Town) -> None:
    town.tax["SON-B"] = dict(town.tax["SON"])
    town.save()
    town.good()
    person = town.people(["homes/SON"])[0]
    assert town.people(["tax/SON", "tax/SON-B"]) == [person, person]
    workspace = town.open()
    unmerge(workspace, None, person, [f"{HOMES}/SON"], "Ann Clerk", "another George", lambda _: None)
    workspace.engine.close()
    home, one, two = town.people(["homes/SON", "tax/SON", "tax/SON-B"])
    assert (one, two) == (person, person)
    assert home > person


def test_a_decision_that_contradicts_others_is_refused_and_says_whose(town: Town) -> None:
    a, b, c = Record(HOMES, "TWIN1"), Record(HOMES, "TWIN2"), Record(HOMES, "FATHER")
    with town.reader() as reader:
        decide(reader, a, b, "same", "Ann Clerk", "seen the papers")
        decide(reader, b, c, "different", "Bob Clerk", "a child and a man")
        with pytest.raises(VestryError, match=r"contradicts what (Ann|Bob) Clerk decided"):
            decide(reader, a, c, "same", "Eve Clerk", "guess")
        decide(reader, a, b, "different", "Ann Clerk", "looked again")  # the later word on one pair stands
        with pytest.raises(VestryError, match="no record"):
            decide(reader, a, Record(HOMES, "NOBODY"), "same", "Ann Clerk", "?")
        with pytest.raises(VestryError, match="who made it and why"):
            decide(reader, a, c, "different", "Ann Clerk", " ")


def test_the_queue_asks_of_pairs_that_the_model_cannot_decide(town: Town) -> None:
    with town.reader() as reader:
        asked = queue(reader, 50)
        assert {Record(HOMES, "FATHER"), Record(HOMES, "SON")} in [{q.left, q.right} for q in asked] or any(
            {q.left.key, q.right.key} & {"FATHER"} for q in asked
        )
        first = asked[0]
        decide(reader, first.left, first.right, "unsure", "Ann Clerk", "no papers")
        assert (first.left, first.right) not in [(q.left, q.right) for q in queue(reader, 50)]
    assert [q.changes for q in asked] == sorted((q.changes for q in asked), reverse=True)


def test_an_explanation_says_in_words_what_speaks_for_and_against(town: Town) -> None:
    with town.reader() as reader:
        told = reader.explain(Record(HOMES, "SON"), Record(TAX, "SON"))
        words = {e.attribute: e.words for e in told.evidence}
        assert words["given"] == "the same forename, in one home"
        assert words["born"] == "the same date of birth, in one home"
        assert told.verdict == "They are one person: what they share outweighs chance."
        assert told.weight == pytest.approx(told.total, abs=0.3)
        father = reader.explain(Record(HOMES, "SON"), Record(HOMES, "FATHER"))
        assert {e.words for e in father.evidence} >= {"different dates of birth", "the same home"}
        assert father.verdict.startswith("They are two people until somebody decides")


def test_protected_records_are_nowhere_and_nobody_is_told(town: Town) -> None:
    town.homes["FATHER"]["hidden"] = "Y"
    town.save()
    town.good()
    assert town.people(["homes/FATHER"]) == ["nobody"]
    with town.reader() as reader:
        with pytest.raises(VestryError) as hidden:
            reader.explain(Record(HOMES, "FATHER"), Record(HOMES, "SON"))
        with pytest.raises(VestryError) as never:
            reader.explain(Record(HOMES, "NEVER"), Record(HOMES, "SON"))
    assert str(hidden.value).replace("FATHER", "NEVER") == str(never.value)
    told = town.rows("SELECT because FROM people.index.person_event WHERE kind = 'leave'")
    assert told == [("the record is not in its source any more",)]


def test_records_told_apart_are_never_joined_whatever_the_evidence(town: Town) -> None:
    town.tell_apart("SON", "SON-B")
    town.homes["SON-B"] = {**town.homes["SON"], "nino": "AB123456C"}
    town.homes["SON"]["nino"] = "AB123456C"
    town.save()
    town.good()
    old, new = town.people(["homes/SON", "homes/SON-B"])
    assert old != new
    with town.reader() as reader:
        told = reader.explain(Record(HOMES, "SON"), Record(HOMES, "SON-B"))
        assert told.evidence == []
        assert told.verdict == "They are two people. The index holds no comparison of them."
        assert not [q for q in queue(reader, 1000) if {q.left.key, q.right.key} == {"SON", "SON-B"}]


def test_a_placeholder_shared_by_many_links_nobody(town: Town, tmp_path: Path) -> None:
    for row in [*town.tax.values(), *town.homes.values()]:
        row["telephone"] = "01632 960000"
        row["nino"] = "AB123456C"
    before = _ids(town)
    town.save()
    town.good()
    after = _ids(town)
    assert len(set(after.values())) >= 0.98 * len(set(before.values()))


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.update(born=""),
        lambda row: row.update(born=row["born"][:4] + "-01-01" if row["born"] else ""),
        lambda row: row.update(born="1900-01-01"),
    ],
    ids=["no dates of birth", "everybody on 1 January", "a placeholder for a date"],
)
def test_without_dates_of_birth_homes_and_names_still_tell(
    tmp_path: Path, change: Callable[[dict[str, str]], None]
) -> None:
    town = Town(tmp_path / "testham")
    settle(town, households=90)
    for row in [*town.tax.values(), *town.homes.values()]:
        change(row)
    town.save()
    town.good()
    ids = _ids(town)
    right = sum(ids[TAX, n] == ids[HOMES, f"H{n[1:]}"] for n in town.tax)
    assert right > 0.8 * len(town.tax)
    homes = [person for (source, _), person in ids.items() if source == HOMES]
    assert len(set(homes)) > 0.95 * len(homes)


def test_a_home_of_four_hundred_is_little_evidence(tmp_path: Path) -> None:
    town = Town(tmp_path / "testham")
    settle(town, households=90)
    for number, (ref, row) in enumerate(list(town.homes.items())):
        town.homes[f"C{ref}"] = {
            **row, "address": "Elm Court Care Home, Elm Road", "postcode": "TS8 8EE", "born": f"19{30 + number % 20}-0{1 + number % 9}-1{number % 10}", "telephone": "",
        }  # fmt: skip
    town.save()
    town.good()
    ids = _ids(town)
    care = [ids[HOMES, ref] for ref in town.homes if ref.startswith("C")]
    assert len(set(care)) > 0.9 * len(care)


@pytest.mark.parametrize("meanwhile", [False, True])
def test_kill_in_the_middle_of_indexing_is_ended_by_the_next_run(
    town: Town, monkeypatch: pytest.MonkeyPatch, meanwhile: bool
) -> None:
    """The companions are written and the events are not: as after a kill between the two."""
    from vestry.mdm.people import index

    before = _ids(town)
    town.tax["N1"] = {**town.homes["FATHER"], "forename": "GEORGE"}
    town.save()
    with monkeypatch.context() as patch:
        patch.setattr(index, "regroup", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            town.run()
    assert _ids(town) == before
    if meanwhile:
        town.tax["N2"] = _row("Ivo", "Marchbank", "1970-02-01", "M", "1 Elm Street", "TS3 1AA")
        town.save()
    town.good()
    after = _ids(town)
    assert {k: after[k] for k in before} == before
    assert after[TAX, "N1"] == after[HOMES, "FATHER"]
    assert not meanwhile or after[TAX, "N2"] not in before.values()


def test_ids_stay_where_what_the_index_keeps_beside_its_tables_is_lost(town: Town) -> None:
    before = _ids(town)
    shutil.rmtree(town.root / "lake/people/index/person__standard")
    town.tax["N1"] = {**town.homes["FATHER"], "forename": "GEORGE"}
    town.save()
    town.good()
    after = _ids(town)
    assert {k: after[k] for k in before} == before
    assert after[TAX, "N1"] == after[HOMES, "FATHER"]


def test_kill_9_at_any_moment_of_an_update_leaves_ids_as_they_were_or_as_they_shall_be(town: Town) -> None:
    """Killed again and again, each time a little later, until it ends by itself."""
    for n in range(60):
        town.tax[f"N{n}"] = _row(
            f"Ivo{n}", f"Marchbank{n}", f"1970-02-{n % 27 + 1:02}", "M", f"{n} Elm Street", "TS3 1AA"
        )
        town.homes[f"N{n}"] = dict(town.tax[f"N{n}"])
    town.save()
    before, seconds = _ids(town), 1.0
    while True:
        process = subprocess.Popen(
            command("run", "-C", str(town.root)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            assert process.wait(seconds) == 0
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        now = _ids(town)
        assert {k: now[k] for k in before} == before
        seconds += 1.0
    after = _ids(town)
    assert seconds > 2 and {k: after[k] for k in before} == before
    assert all(after[TAX, f"N{n}"] == after[HOMES, f"N{n}"] for n in range(60))
    assert town.one("SELECT count(*) FROM people.index.person_event WHERE record_id LIKE 'N%'") == 120


def test_one_who_changes_name_home_and_telephone_at_once_is_one_person_by_what_stays(town: Town) -> None:
    before = _row("Ottilie", "Brandreth", "1979-10-23", "F", "4 Pound Lane", "TS1 2AA", telephone="01632 960111")
    town.homes["BEFORE"] = {**before, "nino": "AB123456C"}
    after = _row("Ottilie", "Nightingale", "1979-10-23", "F", "88 Quay Road", "TS7 5XX", telephone="01632 960222")
    town.tax["AFTER"] = {**after, "nino": "AB 12 34 56 C"}
    # Nothing but a forename stays: nobody could know.
    moved = {"address": "3 Gas Street", "postcode": "TS8 1BB", "surname": "Pettigrew", "telephone": "", "born": ""}
    town.tax["UNKNOWN"] = {**after, **moved}
    town.save()
    town.good()
    ids = _ids(town)
    assert ids[HOMES, "BEFORE"] == ids[TAX, "AFTER"] != ids[TAX, "UNKNOWN"]


def test_words_of_a_name_in_another_order_are_the_same_name(town: Town) -> None:
    town.homes["A"] = _row("Lai Fong", "Chan", "1984-05-09", "F", "20 Warren Mews", "TS2 0AT")
    town.tax["A"] = _row("Chan Lai", "Fong", "", "F", "20 Warren Mews", "TS2 0AT")
    town.save()
    town.good()
    ids = _ids(town)
    assert ids[HOMES, "A"] == ids[TAX, "A"]


def test_where_homes_are_not_of_families_a_home_says_that_two_records_are_one(tmp_path: Path) -> None:
    """A register of people who live alone, each in it twice and badly written."""
    town = Town(tmp_path / "testham")
    draw = random.Random(3)
    for n in range(400):
        name, family = draw.choice(GIVEN_F), draw.choice(FAMILY)
        born = f"{draw.randint(1930, 1999)}-{draw.randint(1, 12):02}-{draw.randint(2, 28):02}"
        row = _row(name, family, born, "F", f"{n + 1} {draw.choice(STREETS)} Street", f"TS{n % 9 + 1} {n % 7 + 1}AX")
        town.homes[f"H{n}"] = row
        town.tax[f"T{n}"] = {**row, "forename": "Zuzka", "surname": "Qwrst"} if n % 10 == 0 else dict(row)
    town.save()
    town.good()
    ids = _ids(town)
    assert sum(ids[TAX, f"T{n}"] == ids[HOMES, f"H{n}"] for n in range(0, 400, 10)) >= 36


def test_a_match_file_that_maps_a_column_that_is_not_there_is_a_fault_with_its_line(town: Town) -> None:
    text = MATCH.replace("{columns}", "{forename: forename, surname: surnam, date_of_birth: born}")
    town.write("domains/people/index/person.match.yaml", text)
    told = town.cli("check")
    assert told.returncode == 2
    assert "person.match.yaml:4: there is no column `surnam`" in told.stdout + told.stderr


def test_an_attribute_that_is_none_is_a_fault_that_offers_the_nearest(town: Town) -> None:
    text = MATCH.replace("{columns}", "{forname: forename, surname: surname}")
    town.write("domains/people/index/person.match.yaml", text)
    told = town.cli("check")
    assert "`forname` is no attribute of a person" in told.stdout + told.stderr
    assert "forename" in told.stdout + told.stderr


def test_a_flag_withholds_the_whole_person_and_leaves_no_gap(town: Town) -> None:
    """Whoever is linked with a flagged record is nowhere, in whatever system; ids and events are without a gap."""
    town.homes["SON"]["hidden"] = "Y"
    file = town.root / "domains/people/index/person.match.yaml"
    shutil.rmtree(town.root / "lake/people")  # indexed for the first time
    town.save()
    town.good()
    assert town.people(["homes/SON", "tax/SON"]) == ["nobody", "nobody"]
    father = town.people(["homes/FATHER"])[0]
    assert father != "nobody"
    ids, events = (
        sorted(set(_ids(town).values())),
        town.rows("SELECT event_id FROM people.index.person_event ORDER BY 1"),
    )
    assert ids == [f"P{n:09}" for n in range(1, len(ids) + 1)]
    assert events == [(n,) for n in range(1, len(events) + 1)]
    assert not town.rows("SELECT 1 FROM people.index.person_event WHERE record_id = 'SON'")
    with town.reader() as reader:
        asked = [{q.left.key, q.right.key} for q in queue(reader, 10_000)]
        assert not [pair for pair in asked if "SON" in pair]
        for record in (Record(TAX, "SON"), Record(HOMES, "SON")):
            with pytest.raises(VestryError, match="holds no record"):
                reader.explain(record, Record(HOMES, "FATHER"))
    hidden, never = (town.cli("query", f"SELECT * FROM people.index.person__{name}") for name in ("standard", "never"))
    assert hidden.returncode == never.returncode != 0
    assert "there is no table people.index.person__standard" in hidden.stdout + hidden.stderr
    # With the flag gone the person is there as anybody who is new, by a whole index too.
    town.homes["SON"]["hidden"] = ""
    town.save()
    town.good()
    home, tax = town.people(["homes/SON", "tax/SON"])
    assert home == tax > ids[-1]
    before = _ids(town)
    file.write_text(file.read_text() + "# again\n")
    town.good()
    assert _ids(town) == before


def test_what_was_known_before_a_flag_is_not_told_after_it(town: Town) -> None:
    person = town.people(["homes/SON"])[0]
    then = datetime.now(UTC).isoformat()
    with town.reader() as reader:
        decide(reader, Record(HOMES, "SON"), Record(HOMES, "FATHER"), "different", "Ann Clerk", "father and son")
    town.homes["SON"]["hidden"] = "Y"
    town.save()
    town.good()
    assert town.people(["homes/SON", "tax/SON"]) == ["nobody", "nobody"]
    with town.reader() as reader:
        assert decisions_of(reader) == []
    workspace = town.open()
    with pytest.raises(VestryError, match="knows nobody as"):
        reader_of(workspace, None, then).resolve(person)
    workspace.engine.close()


def test_two_lives_of_one_child_do_not_meet_through_other_records(town: Town) -> None:
    """Records of before and after an adoption that share a number tell neither life of the other."""
    town.tell_apart("OLD", "NEW")
    old = _row("Imogen", "Tarrant", "2014-03-09", "F", "12 Weir Street", "TS1 6QQ")
    new = _row("Poppy", "Bellweather", "2014-03-09", "F", "80 Quarry Hill", "TS7 3LL")
    town.homes |= {"OLD": old, "NEW": new}
    town.tax |= {"OLD": {**old, "nino": "AB123456C"}, "NEW": {**new, "nino": "AB123456C"}}
    town.save()
    town.good()
    one, other, before, after = town.people(["homes/OLD", "homes/NEW", "tax/OLD", "tax/NEW"])
    assert one != other
    assert before == one and after == other
    with town.reader() as reader:
        assert not [q for q in queue(reader, 10_000) if {q.left.key, q.right.key} <= {"OLD", "NEW"}]
        told = reader.explain(Record(TAX, "OLD"), Record(TAX, "NEW"))
        assert told.evidence == []
        assert told.verdict == "They are two people. The index holds no comparison of them."
    events = town.rows("SELECT because FROM people.index.person_event WHERE record_id IN ('OLD', 'NEW')")
    assert not [b for (b,) in events if b and "NEW" in b and "OLD" in b]


def test_a_record_that_is_like_both_lives_is_held_to_neither() -> None:
    """Records 1 and 2 are told apart; 3 is linked with 1, 4 with 2, 5 with both, and 3, 4 and 6 with each other."""
    con = duckdb.connect()
    con.execute("CREATE TABLE mdm_told_apart AS SELECT 1 AS uid_l, 2 AS uid_r")
    con.execute(
        "CREATE TABLE pairs AS FROM (VALUES (1, 3, 9), (2, 4, 9), (1, 5, 9), (2, 5, 9), (3, 4, 20), (3, 6, 9), "
        "(1, 4, -1), (7, 8, 9)) AS v(uid_l, uid_r, weight)"
    )
    con.execute("CREATE TABLE mdm_near AS SELECT uid_l, uid_r FROM pairs WHERE weight > 0 UNION FROM mdm_told_apart")
    con.execute(LIVES_APART.format(pairs="pairs", link=5))
    kept = con.sql("SELECT uid_l, uid_r FROM pairs ANTI JOIN mdm_kept_apart USING (uid_l, uid_r) ORDER BY ALL")
    assert kept.fetchall() == [(1, 3), (2, 4), (7, 8)]


def test_small_changes_end_as_if_all_were_indexed_again(town: Town) -> None:
    """Whatever comes, changes, goes, is flagged or decided: a whole index afterwards has nothing to change."""
    draw = random.Random(11)
    file = town.root / "domains/people/index/person.match.yaml"
    for turn in range(2):
        for step in range(12):
            key, other = draw.choice(list(town.tax)), draw.choice(list(town.homes))
            match step % 6:
                case 0:
                    town.tax.pop(key)
                case 1:
                    town.tax[f"C{turn}-{step}"] = dict(draw.choice(list(town.homes.values())))
                case 2:
                    town.homes[other] |= {"address": "1 Quay Street", "postcode": "TS1 1AX", "telephone": ""}
                case 3:
                    town.homes[other]["hidden"] = draw.choice(["Y", "Y", ""])
                case 4:
                    town.tax[key] = {**town.tax[key], "born": "", "surname": draw.choice(FAMILY).upper()}
                case 5:
                    town.homes.pop(other)
        town.save()
        town.good()
        tables = ("person", "person_record", "person_event")
        before = {t: town.rows(f"SELECT * FROM people.index.{t} ORDER BY ALL") for t in tables}
        file.write_text(file.read_text() + f"# {turn}\n")
        assert "done" in {o.status for o in town.good().values()}
        assert {t: town.rows(f"SELECT * FROM people.index.{t} ORDER BY ALL") for t in tables} == before


def _by_splink(con: duckdb.DuckDBPyConnection, model: Model, frequencies: str) -> None:
    """Make the table `by_splink` of the pairs of the table `told`, as `score` does."""
    from splink import DuckDBAPI, Linker

    linker = Linker("told", dict(model.settings), DuckDBAPI(connection=con), set_up_basic_logging=False)
    for column in model.tempered:
        values = con.sql(f"SELECT value AS {column}, share AS tf_{column} FROM {frequencies} WHERE name = '{column}'")
        linker.table_management.register_term_frequency_lookup(values.to_arrow_table(), column, overwrite=True)
    pairs = linker.inference.predict(threshold_match_weight=-12.0).physical_name
    held = {name for (name, *_) in con.execute(f"DESCRIBE {pairs}").fetchall()}
    factors = {
        c: f"bf_{c} * coalesce({f'bf_tf_adj_{c}' if f'bf_tf_adj_{c}' in held else 1}, 1)" for c in model.compared
    }
    weights = ", ".join(f"round(log2({factor}), 2)::FLOAT AS w_{c}" for c, factor in factors.items())
    con.execute(
        "CREATE TEMP TABLE by_splink AS SELECT least(uid_l, uid_r) AS uid_l, greatest(uid_l, uid_r) AS uid_r, "
        f"match_weight::DOUBLE AS weight, {weights} FROM {pairs}"
    )


def test_a_few_pairs_are_weighed_as_splink_weighs_all(settled: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pairs with the same weights to the last bit that is kept, whether or not a value is known or common."""
    with settled.reader() as reader:
        con, model = reader.con, reader.model
        standing = reader.relation(reader.names.standard)
        con.execute(f"CREATE TEMP TABLE told AS SELECT * FROM {comparable(standing)}")
        con.execute("CREATE TEMP VIEW fresh AS SELECT * FROM told WHERE uid % 3 > 0")
        con.execute("CREATE TEMP VIEW others AS SELECT * FROM told WHERE uid % 3 = 0")
        frequencies = reader.relation(reader.names.frequency)
        _by_splink(con, model, frequencies)
        near_homes(con, "others", "(SELECT unnest(homes) AS home FROM fresh)")
        near(con, "others", "fresh", reader.spec)
        meet(con, "fresh", model, others=True)
        score(con, "told", model, "likely", -12.0, frequencies)
        monkeypatch.setattr("vestry.mdm.people.scoring._may_tell", lambda _: "true")
        score(con, "told", model, "by_vestry", -12.0, frequencies)
        besides = ", ".join(f"w_{c}" for c in model.compared if c not in NAMES)
        more = f"FROM {{}} WHERE greatest({besides}) >= {BESIDES_NAMES} ORDER BY ALL"
        likely, of_all = (con.execute(more.format(table)).fetchall() for table in ("likely", "by_vestry"))
        assert likely == of_all  # only those that share nothing but a name are not weighed
        weights = ", ".join(f"round(w_{name}, 1)" for name in model.compared)
        wanted = {"by_splink": "uid_l % 3 > 0 OR uid_r % 3 > 0", "by_vestry": "true"}
        splink, vestry = (
            con.execute(f"SELECT uid_l, uid_r, round(weight, 6), {weights} FROM {t} WHERE {w} ORDER BY ALL").fetchall()
            for t, w in wanted.items()
        )
        assert vestry == splink
        assert len(vestry) > 500 and len({row[3:] for row in vestry}) > 50
