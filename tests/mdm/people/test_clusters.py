"""Which records links bring together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vestry.mdm.people.clusters import Pairs, components

RECORDS = 12
links = st.lists(st.tuples(st.integers(0, RECORDS - 1), st.integers(0, RECORDS - 1)), max_size=20)


@given(links)
def test_records_are_together_where_a_chain_of_links_leads_from_one_to_the_other(links: list[tuple[int, int]]) -> None:
    reached = np.eye(RECORDS, dtype=bool)
    for a, b in links:
        reached[a, b] = reached[b, a] = True
    for via in range(RECORDS):
        reached |= np.outer(reached[:, via], reached[via])
    ends = np.array(links, dtype=np.int64).reshape(-1, 2)
    found = components(RECORDS, Pairs(ends[:, 0], ends[:, 1], np.ones(len(links))))
    assert np.array_equal(found[:, None] == found[None, :], reached)
