"""The official Delta Sharing client reads what is shared."""

from __future__ import annotations

import delta_sharing
import pandas as pd
import pytest

from serve.sharing.conftest import CLEAR, SHARED, SHOWN, Sharing
from vestry.governance.access.terms import Condition

pytestmark = pytest.mark.slow

FORMS = pytest.mark.parametrize("delta", [False, True], ids=["parquet", "delta"])
NORTH = Condition("ward", ("North",))


def load(url: str, delta: bool, **more: object) -> pd.DataFrame:
    return delta_sharing.load_as_pandas(url, use_delta_format=delta, **more)


def changes(url: str, delta: bool, **more: object) -> list[tuple[object, ...]]:
    found = delta_sharing.load_table_changes_as_pandas(url, use_delta_format=delta, **more)
    return sorted(found[["_change_type", "born", "_commit_version"]].itertuples(index=False, name=None))


def test_the_client_finds_what_is_shared_and_nothing_else(sharing: Sharing) -> None:
    partner = sharing.partner()
    client = delta_sharing.SharingClient(partner.url().partition("#")[0])
    assert [share.name for share in client.list_shares()] == ["trust"]
    assert [f"{t.share}.{t.schema}.{t.name}" for t in client.list_all_tables()] == [SHARED]
    assert client.list_all_tables() == client.list_tables(client.list_schemas(client.list_shares()[0])[0])


@FORMS
def test_a_table_is_loaded_as_its_grant_shows_it(sharing: Sharing, delta: bool) -> None:
    found = load(sharing.partner(SHOWN, NORTH).url(), delta)
    assert list(found.columns) == ["id", "born", "ward"]
    assert sorted(found.born)[:2] == ["1950", "1980"] and set(found.ward) == {"North"}
    assert all(len(value) == 64 for value in found.id)


@FORMS
def test_a_limit_is_kept(sharing: Sharing, delta: bool) -> None:
    partner = sharing.partner()
    assert len(load(partner.url(), delta, limit=2)) == 2
    assert list(load(partner.url(), delta, limit=0).columns) == ["id", "born", "ward"]


@FORMS
def test_a_table_with_no_rows_for_them_is_an_empty_table(sharing: Sharing, delta: bool) -> None:
    partner = sharing.partner(SHOWN, Condition("ward", ("Nowhere",)))
    assert load(partner.url(), delta).empty
    assert list(load(partner.url(), delta).columns) == ["id", "born", "ward"]


@FORMS
def test_of_a_grant_of_statistics_only_counts_are_loaded_that_point_at_nobody(sharing: Sharing, delta: bool) -> None:
    ward = f"Counted {delta:d}"
    sharing.append(
        *((f"c{delta:d}{number}", "1990-01-01", ward) for number in range(12)), ("alone", "1990-01-01", "Few")
    )
    partner = sharing.partner(None)
    sharing.grant(partner, {"ward": CLEAR}, statistics=True)
    found = load(partner.url(), delta)
    assert list(found.columns) == ["ward", "number"]
    counted = dict(found.itertuples(index=False, name=None))
    assert counted[ward] == 10 and "Few" not in counted


def test_hints_on_rows_are_taken_and_change_nothing(sharing: Sharing) -> None:
    partner = sharing.partner()
    hint = '{"op": "equal", "children": [{"op": "column", "name": "ward", "valueType": "string"}]}'
    assert len(load(partner.url(), False, jsonPredicateHints=hint)) == len(load(partner.url(), False))


@FORMS
@pytest.mark.parametrize("columns", [SHOWN, dict.fromkeys(("id", "name", "born", "postcode", "ward", "note"), CLEAR)])
def test_after_rows_came_the_changes_are_those_rows(sharing: Sharing, delta: bool, columns: dict[str, str]) -> None:
    partner = sharing.partner(columns)
    before = load(partner.url(), delta)
    version = delta_sharing.get_table_version(partner.url())
    sharing.append(("7", "1999-01-01", "South"), ("8", "2002-02-02", "North"))
    assert delta_sharing.get_table_version(partner.url()) == version + 1
    assert len(load(partner.url(), delta)) == len(before) + 2
    found = changes(partner.url(), delta, starting_version=version + 1)
    assert [(kind, str(born)[:4], at) for kind, born, at in found] == [
        ("insert", "1999", version + 1), ("insert", "2002", version + 1),
    ]  # fmt: skip
    assert len(load(partner.url(), delta, version=version)) == len(before)


@FORMS
def test_a_build_that_makes_the_table_anew_is_rows_that_went_and_rows_that_came(sharing: Sharing, delta: bool) -> None:
    partner = sharing.partner(SHOWN, NORTH)
    before = sorted(load(partner.url(), delta).born)
    version = delta_sharing.get_table_version(partner.url())
    sharing.council.drop(
        f"more-{delta}.csv", f"id,name,born,postcode,ward,note\n2{delta:d},Di,1977-07-07,WX1 1AA,North,\n"
    )
    sharing.council.good()
    after = sorted(load(partner.url(), delta).born)
    found = changes(partner.url(), delta, starting_version=version + 1)
    assert sorted(born for kind, born, _ in found if kind == "delete") == before
    assert sorted(born for kind, born, _ in found if kind == "insert") == after
    assert "1977" in after


@FORMS
def test_where_nothing_changed_there_are_no_changes(sharing: Sharing, delta: bool) -> None:
    partner = sharing.partner(SHOWN)
    load(partner.url(), delta)
    sharing.append(("9", "1990-01-01", "West"))
    narrow = sharing.partner(SHOWN, Condition("ward", ("East",)))
    first = delta_sharing.get_table_version(narrow.url())
    assert load(narrow.url(), delta).empty
    sharing.append(("10", "1990-01-01", "West"))
    found = delta_sharing.load_table_changes_as_pandas(narrow.url(), starting_version=first + 1, use_delta_format=delta)
    assert found.empty and {"_change_type", "ward"} <= set(found.columns)
