"""The master data map of Westmarsh, against joins of its tables."""

from __future__ import annotations

import pytest

from vestry.catalogue.live import Live
from vestry.catalogue.overlap import LiveMap

from .conftest import Demo

pytestmark = pytest.mark.slow


def test_people_and_homes_that_systems_share_are_those_of_the_indexes(demo: Demo) -> None:
    live = Live(demo.root)
    made = LiveMap(live).update()
    live.workspace.close()
    exact = demo.council.one(
        "select count(distinct a.person_id) from people.index.person_record a join people.index.person_record b "
        "using (person_id) where a.source = 'revenues.council_tax.person' and b.source = 'housing.tenancies.person'"
    )
    assert made.people.between("northgate", "academy") == exact > 0
    assert made.people.known["academy"] == demo.council.one(
        "select count(distinct person_id) from people.index.person_record where source = 'revenues.council_tax.person'"
    )
    homes = demo.council.one("select count(distinct uprn) from housing.repairs.repair where uprn is not null")
    assert made.homes.known["repairs"] == homes
    columns = {c.term: c for t in made.ties if (t.a, t.b) == ("academy", "northgate") for c in t.strong}
    a, b = columns["ni_number"].a.rpartition("."), columns["ni_number"].b.rpartition(".")
    both, mine = demo.council.rows(
        f"select count(distinct {a[2]}) filter ({a[2]} in (select {b[2]} from {b[0]})), count(distinct {a[2]}) from {a[0]}"
    )[0]
    low, high = columns["ni_number"].shares.a_between
    assert low - 0.02 <= both / mine <= high + 0.02
    # Nobody would switch off planning because its homes are in the gazetteer too.
    assert [one.system for one in made.retirable] == []
