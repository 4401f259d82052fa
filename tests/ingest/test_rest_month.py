"""A month of a vendor's API, scripted: whatever it does, at the end our table is its own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from pathlib import Path

import pytest

from ingest.rest_council import CASE, CHANGE, CURSOR, RestCouncil, tells
from servers import vendor as moods
from servers.vendor import Mood, Vendor

pytestmark = pytest.mark.slow

LOADS = 1
PARTY = "bronze.planning.party"
#: By the day of the month: what the vendor does at each of the day's loads, and which incident that is.
OFF = "nobody at home"
SCRIPT: dict[int, tuple[Mood | str, str]] = {
    3: (OFF, "vendor-down"),
    4: (OFF, "vendor-down"),
    6: (moods.errs, "vendor-down"),
    8: (moods.is_busy("7200"), "vendor-busy"),
    10: (moods.wants_a_log_in, "vendor-login"),
    11: (moods.wants_a_log_in, "vendor-login"),
    13: (moods.on_page(2, moods.cut), "answer-cut"),
    15: (moods.repeats_pages(), "page-repeated"),
    17: (moods.goes_back, "cursor-back"),
    19: (moods.refuses_the_key, "vendor-login"),
    20: (moods.refuses_the_key, "vendor-login"),
    23: (moods.on_page(1, moods.hangs_up), "answer-cut"),
    25: (OFF, "vendor-down"),
    26: (OFF, "vendor-down"),
    27: (OFF, "vendor-down"),
    28: (moods.errs, "vendor-down"),
}
#: From this day on the vendor's new version gives other fields.
NEW_VERSION = 21


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with moods.vendor() as made:
        made.page_size = 5
        yield made


@pytest.fixture
def planning(tmp_path: Path, vendor: Vendor) -> RestCouncil:
    council = RestCouncil(tmp_path / "testham", vendor)
    council.reads(
        CURSOR,
        table="    deletes: {every: 1d, endpoint: keys, rows: keys, paginator: single_page}\n",
        more="  party: {from: change, rows: parties}\n",
    )
    council.product(
        "planning.cases",
        {
            "reference": "logicalType: string, primaryKey: true",
            "status": "logicalType: string",
            "cost": "logicalType: string",
        },
        case_snapshot=f"from: {CHANGE}\nkey: reference\norder_by: changed_at\ndeleted_when: _change = 'delete'\n",
    )
    return council


def works(vendor: Vendor, day: int, chance: random.Random) -> None:
    """What the vendor's people do between two loads: make, change, write late, and delete without a word."""
    made = len({c["reference"] for c in vendor.log})
    for number in range(chance.randint(1, 3)):
        parties = [{"name": f"Party {n}", "share": n / 4} for n in range(chance.randint(0, 2))]
        vendor.change(f"A{made + number}", status="new", cost=str(chance.randint(1, 99)), parties=parties)
    for reference in chance.sample(sorted(vendor.table), min(5, len(vendor.table))):
        late = vendor.now - timedelta(minutes=chance.randint(0, 50))
        earlier = f"{late:%Y-%m-%dT%H:%M:%SZ}" < vendor.table[reference]["changed_at"]
        more = {"officer": {"id": day}} if day >= NEW_VERSION else {}
        vendor.change(reference, vendor.now if earlier else late, status=f"day {day} {chance.random():.6f}", **more)
    if len(vendor.table) > 6:
        vendor.delete(chance.choice(sorted(vendor.table)))


def test_at_the_end_of_a_bad_month_our_table_is_the_vendors_own(planning: RestCouncil, vendor: Vendor) -> None:
    chance = random.Random(7)
    told: list[str] = []
    for day in range(1, 31):
        mood, incident = SCRIPT.get(day, (None, ""))
        if mood == OFF:
            vendor.close()
        else:
            vendor.mood = mood  # type: ignore[assignment]
        for _ in range(LOADS):
            vendor.now += timedelta(hours=24 / LOADS)
            works(vendor, day, chance)
            outcomes = planning.run()
            error = outcomes[CHANGE].error
            told.append(error.incident if error else "")  # type: ignore[attr-defined]
            assert told[-1] == incident, f"day {day}: {error}"
            assert all(o.status != "failed" for n, o in outcomes.items() if n != CHANGE)
        if mood == OFF:
            vendor.open()
            vendor.mood = None
    vendor.now += timedelta(days=1)
    planning.good()

    ours = planning.rows(f"SELECT reference, status, cost FROM {CASE} ORDER BY ALL")
    assert ours == sorted((r, c["status"], c["cost"]) for r, c in vendor.table.items())
    had = planning.rows(
        f"SELECT reference, changed_at, status FROM {CHANGE} WHERE _change IS DISTINCT FROM 'delete' ORDER BY ALL"
    )
    assert had == tells(vendor), "no change is lost, and none is doubled"
    parties = sorted((c["reference"], c["changed_at"], p["name"]) for c in vendor.log for p in c["parties"])
    assert planning.rows(f"SELECT parent_reference, parent_changed_at, name FROM {PARTY} ORDER BY ALL") == parties
    gone = {c["reference"] for c in vendor.log} - set(vendor.table)
    assert {r[0] for r in planning.rows(f"SELECT reference FROM {CHANGE} WHERE _change = 'delete'")} == gone
    assert planning.owed() == []
    # A failure has one name for as long as it lasts, so that who tells people can tell it once.
    stretches = [name for name, _ in groupby(told) if name]
    days = [SCRIPT.get(day, (None, ""))[1] for day in range(1, 31)]
    assert stretches == [name for name, _ in groupby(days) if name]
