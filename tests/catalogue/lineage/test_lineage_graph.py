"""Both ways over the lineage of many tables."""

from __future__ import annotations

import pytest

from vestry.catalogue.lineage import WHOLE, Branch, ColumnName, Lineage, LineageGraph, Origin, flattened
from vestry.catalogue.lineage.graph import BRANCHES
from vestry.project import TableName, VestryError


def name(text: str) -> ColumnName:
    table, _, column = text.partition(".")
    return ColumnName(TableName("d", "p", table), column or WHOLE)


def graph(**tables: dict[str, str] | tuple[dict[str, str], str]) -> LineageGraph:
    """Each table: {column: columns that it is of}, and perhaps the columns that decide its rows."""
    found = {}
    for table, said in tables.items():
        columns, rows = said if isinstance(said, tuple) else (said, "")
        origins = {c: Origin(frozenset(map(name, of.split()))) for c, of in columns.items()}
        found[name(table).table] = Lineage(origins, frozenset(map(name, rows.split())))
    return LineageGraph(found)


def shown(names) -> list[str]:
    return [str(n).removeprefix("d.p.") for n in names]


SMALL = graph(
    a={"x": "", "k": ""},
    b=({"y": "a.x"}, "a.k"),
    c={"z": "b.y a.x"},
    e={"w": "c.z"},
)


def test_up_and_down_are_the_same_steps():
    assert shown(SMALL.next(name("c.z"), "up")) == ["a.x", "b.y"]
    assert shown(SMALL.next(name("a.x"), "down")) == ["b.y", "c.z"]
    assert shown(SMALL.next(name("a"), "down")) == ["b", "c"]
    assert shown(SMALL.deciding(name("b.y"), "up")) == ["a.k"]
    assert shown(SMALL.deciding(name("a.k"), "down")) == ["b"]


def test_what_breaks_are_columns_made_of_it_and_tables_that_read_it():
    impact = SMALL.impact(name("a.k"))
    assert shown(impact.columns) == []
    assert [t.table for t in impact.tables] == ["b", "c", "e"]
    assert shown(SMALL.impact(name("b.y")).columns) == ["c.z", "e.w"]
    assert [t.table for t in SMALL.impact(name("c")).tables] == ["e"]


def test_what_is_of_a_table_is_of_any_of_its_columns():
    found = graph(a={"x": ""}, b={"y": "a"}, c={"z": "b.y"})
    assert shown(found.reach([name("a.x")], "down")) == ["a.x", "b.y", "c.z"]
    assert shown(found.reach([name("c.z")], "up")) == ["c.z", "b.y", "a"]


def test_what_stands_twice_in_a_tree_is_unfolded_once():
    tree = SMALL.tree(name("e.w"), "up")
    assert [(depth, str(b.name).removeprefix("d.p."), b.told) for depth, b in flattened(tree)] == [
        (0, "e.w", False), (1, "c.z", False), (2, "a.x", False), (2, "b.y", False), (3, "a.x", False),
    ]  # fmt: skip
    both = graph(a={"x": ""}, b={"x": "a.x"}, c={"x": "b.x"}, e={"x": "b.x c.x"})
    assert [(str(b.name)[4:], b.told) for _, b in flattened(both.tree(name("e.x"), "up"))] == [
        ("e.x", False), ("b.x", False), ("a.x", False), ("c.x", False), ("b.x", True),
    ]  # fmt: skip


def test_a_tree_says_how_much_lies_beyond_its_depth():
    tree = SMALL.tree(name("e.w"), "up", depth=1)
    (child,) = tree.children
    assert (str(child.name), child.children, child.more) == ("d.p.c.z", (), 2)


def test_rings_do_not_go_round_for_ever():
    ring = graph(a={"x": "b.x"}, b={"x": "a.x"})
    assert shown(ring.reach([name("a.x")], "up")) == ["a.x", "b.x"]
    assert len(list(flattened(ring.tree(name("a.x"), "down")))) == 3


def test_a_name_that_is_none_is_answered_with_the_nearest():
    with pytest.raises(VestryError, match="did you mean `y`"):
        graph(b={"y": ""}).named("d.p.b.yy")
    with pytest.raises(VestryError, match=r"did you mean `d\.p\.b`"):
        graph(b={"y": ""}).named("d.p.bb")


@pytest.fixture(scope="module")
def large() -> LineageGraph:
    """5,000 tables of four columns in a thousand layers of five, each made of two of the layer before."""
    tables: dict[str, dict[str, str]] = {}
    for layer in range(1000):
        for n in range(5):
            above = [f"t{layer - 1}_{n}", f"t{layer - 1}_{(n + 1) % 5}"] if layer else []
            tables[f"t{layer}_{n}"] = {c: " ".join(f"{a}.{c}" for a in above) for c in "abcd"}
    return graph(**tables)


def test_a_lineage_of_5000_tables_is_walked_to_its_ends(large):
    assert len(large.reach([name("t999_0.a")], "up")) == 999 * 5 + 1 - sum(4 - n for n in range(1, 4))
    assert len(large.impact(name("t0_0")).tables) == 999 * 5 - sum(5 - n for n in range(2, 5))


def test_a_tree_of_5000_tables_is_cut_and_says_so(large):
    branches: list[Branch] = [b for _, b in flattened(large.tree(name("t999_0.a"), "up", depth=10_000))]
    assert len(branches) <= 2 * BRANCHES + 2
    assert any(b.more for b in branches)
