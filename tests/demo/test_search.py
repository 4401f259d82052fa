"""What people of Westmarsh look for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vestry.catalogue.live import Live
from vestry.catalogue.search.document import STAFF
from vestry.catalogue.search.live import LiveSearch
from vestry.catalogue.search.query import search, suggest

from .conftest import Demo

pytestmark = pytest.mark.slow

Found = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def live(demo: Demo) -> LiveSearch:
    made = LiveSearch(Live(demo.root))
    assert made.update() > 500
    return made


@pytest.fixture(scope="module")
def found(live: LiveSearch) -> Found:
    def keys(text: str) -> list[str]:
        return [f"{h.kind} {h.key}" for h in search(live.searcher, text, [STAFF], live.synonyms, limit=100).hits]

    return keys


def test_what_is_searched_for_comes_first(found: Found, live: LiveSearch) -> None:
    assert found("repairs")[0] == found("repiars")[0] == "product housing.repairs"
    assert found("housing.repairs.repair")[0] == "table housing.repairs.repair"
    assert found("uprn")[0] == "term uprn"
    assert "revenues.council_tax" in [hit.key for hit in suggest(live.searcher, "council t", [STAFF])]
    assert suggest(live.searcher, "council ta", [STAFF])[0].key == "revenues.council_tax"


def test_a_number_that_has_several_names_is_found_by_each(found: Found) -> None:
    for text in ("NINO", "NI number", "National Insurance number"):
        first, *others = found(text)
        assert first == "term ni_number"
        assert {"column bronze.academy.person.ni_number", "column bronze.benefits.claim.claimant_nino"} <= set(others)


def test_a_value_of_a_list_is_found_and_a_person_is_not(found: Found, demo: Demo) -> None:
    assert "value housing.repairs.repair.trade" in found("glazing")
    surname = demo.council.one(
        "SELECT upper(surname) FROM people.index.person_record WHERE surname IS NOT NULL LIMIT 1"
    )
    assert not [hit for hit in found(surname) if hit.startswith("value")]
