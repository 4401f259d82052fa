"""Which records links bring together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vestry.mdm.people.clusters import CERTAIN, Pairs, components, group

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


def grouped(n: int, *links: tuple[int, int, float]) -> list[set[int]]:
    left, right, weight = zip(*links, strict=True)
    nothing = Pairs(np.array([], dtype=np.int64), np.array([], dtype=np.int64), np.array([]))
    found = group(n, Pairs(np.array(left), np.array(right), np.array(weight)), nothing)
    return [set(np.flatnonzero(found == g).tolist()) for g in np.unique(found)]


TWO_PEOPLE = ((0, 1, 9.0), (1, 2, 9.0), (3, 4, 9.0), (4, 5, 9.0))


def test_two_groups_are_joined_by_what_says_more_than_one_alike_pair_of_many() -> None:
    assert grouped(6, *TWO_PEOPLE, (2, 3, 5.0)) == [{0, 1, 2}, {3, 4, 5}]
    assert grouped(6, *TWO_PEOPLE, (2, 3, 5.0), (1, 4, 5.0)) == [{0, 1, 2, 3, 4, 5}]
    assert grouped(6, *TWO_PEOPLE, (2, 3, 7.0)) == [{0, 1, 2, 3, 4, 5}]  # a strong link holds by itself
    assert grouped(6, *TWO_PEOPLE, (3, 2, CERTAIN)) == [{0, 1, 2, 3, 4, 5}]  # and so does a decision


def test_a_single_record_joins_a_group_by_any_link() -> None:
    assert grouped(4, (0, 1, 9.0), (1, 2, 9.0), (2, 3, 0.5)) == [{0, 1, 2, 3}]
    assert grouped(3, (0, 1, 0.5), (1, 2, 0.5)) == [{0, 1, 2}]
