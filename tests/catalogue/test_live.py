"""The catalogue follows the project's files and the lake, and keeps the last good one."""

from __future__ import annotations

import threading

import pytest

from vestry.catalogue.live import Live
from vestry.project import ProjectError, TableName

REPAIR = TableName("housing", "repairs", "repair")


def test_what_is_promised_and_what_is_there_are_told_together(repairs):
    live = Live(repairs.root)
    before = live.catalogue().tables[REPAIR]
    assert before.state is None and [c.type for c in before.columns] == ["VARCHAR", "VARCHAR", "DATE", "DECIMAL(18,2)"]
    repairs.good()
    live.refresh()
    after = live.catalogue().tables[REPAIR]
    assert after.state and after.state.rows == 2 and after.owner == "Jo Bloggs"
    bronze = live.catalogue().tables[TableName("bronze", "repairs", "job")]
    assert {"job", "uprn", "_load_id"} <= set(bronze.by_name) and live.catalogue().readers(bronze.name) == [REPAIR]


def test_nothing_new_leaves_the_same_catalogue_and_a_start_reads_no_log_twice(repairs, monkeypatch):
    repairs.good()
    live = Live(repairs.root)
    first = live.catalogue()
    live.refresh()
    assert live.catalogue() is first
    monkeypatch.setattr("vestry.catalogue.state.state_of", lambda *_: pytest.fail("a log was read that had not grown"))
    assert Live(repairs.root).catalogue().states == first.states


def test_a_change_of_one_file_is_seen_and_the_rest_is_not_read_again(repairs):
    repairs.write("domains/housing/homes/contract.yaml", (repairs.root / "domains/housing/repairs/contract.yaml").read_text()
                  .replace("housing.repairs", "housing.homes").replace("name: repair", "name: home"))  # fmt: skip
    repairs.write("domains/housing/homes/home.sql", "SELECT job, uprn, done, cost FROM housing.repairs.repair")
    live = Live(repairs.root)
    kept = live.catalogue().project.products["housing.repairs"]
    contract = repairs.root / "domains/housing/homes/contract.yaml"
    contract.write_text(contract.read_text().replace("version: 1.0.0", "version: 1.1.0"))
    live.refresh()
    products = live.catalogue().project.products
    assert products["housing.homes"].contract.version == "1.1.0" and products["housing.repairs"] is kept
    repairs.write(
        "domains/housing/homes/home.sql",
        "SELECT job, uprn(uprn) AS uprn, NULL AS done, NULL AS cost FROM bronze.repairs.job",
    )
    live.refresh()
    assert [str(n) for n in live.catalogue().tables[TableName("housing", "homes", "home")].inputs] == [
        "bronze.repairs.job"
    ]
    (repairs.root / "domains/housing/homes/home.sql").unlink()
    contract.unlink()
    contract.parent.rmdir()
    live.refresh()
    assert set(live.catalogue().project.products) == {"housing.repairs"}


def test_a_half_written_project_keeps_the_last_good_catalogue_and_says_what_is_wrong(repairs):
    live = Live(repairs.root)
    good = live.catalogue()
    contract = repairs.root / "domains/housing/repairs/contract.yaml"
    text = contract.read_text()
    contract.write_text(text[: len(text) // 2] + "\n  x: [")
    live.refresh()
    assert live.catalogue() is good and live.faults[0].file == "domains/housing/repairs/contract.yaml"
    contract.write_text(text)
    repairs.write("domains/housing/repairs/repair.sql", "SELECT job FROM nobody.knows.it")
    live.refresh()
    assert live.catalogue() is good and "nobody.knows.it" in live.faults[0].what
    repairs.write(
        "domains/housing/repairs/repair.sql", "SELECT job, uprn, NULL AS done, NULL AS cost FROM bronze.repairs.job"
    )
    live.refresh()
    assert live.catalogue() is not good and live.faults == []


def test_a_project_that_is_wrong_at_the_start_is_refused(repairs):
    repairs.write("glossary.yaml", "terms: [")
    with pytest.raises(ProjectError):
        Live(repairs.root)


def test_a_column_carries_the_term_that_names_it_in_full_and_others_are_suggested(repairs):
    repairs.write(
        "glossary.yaml",
        "terms:\n  uprn: {name: UPRN, definition: x, columns: uprn}\n"
        "  job: {name: Repair job, definition: y, columns: [housing.repairs.repair.uprn]}\n"
        "  price: {name: Price, definition: z, synonyms: [COST]}\n",
    )
    repairs.good()
    from vestry.catalogue.model import suggested

    catalogue = Live(repairs.root).catalogue()
    assert catalogue.columns["housing.repairs.repair.uprn"].term == "job"
    assert [c.full_name for c in catalogue.carriers["uprn"]] == ["bronze.repairs.job.uprn"]
    assert [(c.full_name, t) for c, t in suggested(catalogue)] == [
        ("bronze.repairs.job.job", "job"), ("bronze.repairs.job.cost", "price"),
        ("housing.repairs.repair.job", "job"), ("housing.repairs.repair.cost", "price"),
    ]  # fmt: skip


def test_what_nobody_classified_counts_as_personal(repairs):
    columns = Live(repairs.root).catalogue().tables[REPAIR].columns
    assert all(c.is_personal for c in columns)


def test_a_look_that_fails_is_told_and_the_next_one_goes_on(repairs, monkeypatch, capsys):
    live, stop, looks = Live(repairs.root), threading.Event(), []

    def look() -> None:
        looks.append(1)
        if len(looks) > 1:
            stop.set()
        raise OSError("a file that is gone")

    monkeypatch.setattr("vestry.catalogue.live._PAUSE", 0.01)
    monkeypatch.setattr(live, "refresh", look)
    live.follow(stop)
    assert len(looks) == 2 and "the catalogue could not be looked at: OSError" in capsys.readouterr().err
