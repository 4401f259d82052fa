"""The judging of a citizen index, against the counting of every pair by itself."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vestry.mdm.people.evaluation import Evaluation, Truth, evaluate, lines, read_truth
from vestry.mdm.people.quality import wilson
from vestry.project import VestryError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": "1"})


def _record() -> st.SearchStrategy[dict[str, Any]]:
    person = st.integers(0, 6).map(str)
    return st.fixed_dictionaries(
        {
            "source": st.sampled_from(["housing.tenancies.person", "revenues.council_tax.person", "b"]),
            "found": person,
            "truth": person,
            "uprn": st.sampled_from([None, "100", "101", "00100"]),
            "address": st.sampled_from([None, "1 High St", "1, high st.", "2 High St"]),
            "name": st.sampled_from(["Ann", "Bob"]),
            "born": st.sampled_from([None, "2001-02-03", "1950-01-01"]),
            "band": st.sampled_from(["young", "old"]),
            "missing": st.integers(0, 2),
        }
    )


def _judge(con: duckdb.DuckDBPyConnection, records: list[dict[str, Any]], unlisted: int = 0) -> Evaluation:
    """Judge records; the last `unlisted` of them are not in the index."""
    con.execute(
        "CREATE OR REPLACE TABLE f (source VARCHAR, record_id INTEGER, person_id VARCHAR, uprn VARCHAR, address VARCHAR, "
        "postcode VARCHAR, forename VARCHAR, surname VARCHAR, date_of_birth DATE, missing INTEGER)"
    )
    con.execute("CREATE OR REPLACE TABLE t (source VARCHAR, record_id VARCHAR, person_id BIGINT, band VARCHAR)")
    for number, r in enumerate(records):
        if number < len(records) - unlisted:
            row = [r["source"], number, "P" + r["found"], r["uprn"], r["address"], None]
            con.execute(
                "INSERT INTO f VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [*row, r["name"], "Khan", r["born"], r["missing"]],
            )
        con.execute("INSERT INTO t VALUES (?, ?, ?, ?)", [r["source"], str(number), int(r["truth"]), r["band"]])
    return evaluate(con, "f", Truth("people", "t", ("band",)))


def _share(part: float, whole: float) -> float | None:
    return pytest.approx(part / whole) if whole else None


def _expected(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> tuple[int, int, int]:
    found = [a["found"] == b["found"] for a, b in pairs]
    true = [a["truth"] == b["truth"] for a, b in pairs]
    both = sum(f and t for f, t in zip(found, true, strict=True))
    return both, sum(found) - both, sum(true) - both


@given(st.lists(_record(), min_size=1, max_size=24))
@settings(max_examples=60)
def test_counts_are_those_of_every_pair_counted_by_itself(con: Any, records: list[dict[str, Any]]) -> None:
    evaluation = _judge(con, records)
    pairs = list(combinations(records, 2))
    right, false, missed = _expected(pairs)
    q = evaluation.pairwise
    assert (q.right, q.false, q.missed) == (right, false, missed)
    assert q.precision.value == _share(right, right + false)
    assert q.recall.value == _share(right, right + missed)
    assert q.f1.value == _share(2 * right, 2 * right + false + missed)

    by_source = {(s.left, s.right): s.quality for s in evaluation.by_sources}
    names = sorted({r["source"] for r in records})
    for a, b in [(a, b) for a in names for b in names if a <= b]:
        counts = _expected([(x, y) for x, y in pairs if sorted((x["source"], y["source"])) == [a, b]])
        q = by_source.get((a, b))
        assert ((q.right, q.false, q.missed) if q else (0, 0, 0)) == counts

    for name in ("band", "missing"):
        for group in (g for g in evaluation.by_group if g.name == name):
            # A pair counts half for each of its records.
            ends = [p for p in pairs for r in p if str(r[name]) == group.value]
            assert (group.quality.right, group.quality.false, group.quality.missed) == tuple(
                n / 2 for n in _expected(ends)
            )
            assert group.records == sum(str(r[name]) == group.value for r in records)


@given(st.lists(_record(), min_size=1, max_size=24))
@settings(max_examples=40)
def test_a_cluster_counts_where_it_is_exactly_right(con: Any, records: list[dict[str, Any]]) -> None:
    evaluation = _judge(con, records)
    for least, quality in ((1, evaluation.cluster), (2, evaluation.cluster_of_several)):
        found, true = (
            {frozenset(n for n, r in enumerate(records) if r[side] == p) for p in {r[side] for r in records}}
            for side in ("found", "truth")
        )
        found, true = ({c for c in clusters if len(c) >= least} for clusters in (found, true))
        assert quality is not None
        assert quality.right == len(found & true)
        assert quality.precision.value == _share(len(found & true), len(found))
        assert quality.recall.value == _share(len(found & true), len(true))
        assert quality.f1.value == _share(2 * len(found & true), len(found) + len(true))


@given(st.lists(_record(), min_size=1, max_size=24))
@settings(max_examples=40)
def test_lookalikes_are_counted_apart(con: Any, records: list[dict[str, Any]]) -> None:
    told = {k.kind: (k.pairs, k.joined) for k in _judge(con, records).lookalikes}
    different = [(a, b) for a, b in combinations(records, 2) if a["truth"] != b["truth"]]

    def plain(text: str | None) -> str | None:
        return "".join(c for c in text.upper() if c.isalnum()).lstrip("0") if text else None

    def alike(a: dict[str, Any], b: dict[str, Any], *fields: str) -> bool:
        return any(plain(a[f]) is not None and plain(a[f]) == plain(b[f]) for f in fields)

    def counted(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> tuple[int, int]:
        return len(pairs), sum(a["found"] == b["found"] for a, b in pairs)

    home = [p for p in different if alike(*p, "uprn", "address")]
    assert told["all"] == counted(different)
    assert told["in_one_home"] == counted(home)
    assert told["in_one_home_born_the_same_day"] == counted([p for p in home if alike(*p, "born")])
    assert told["in_one_home_of_one_name"] == counted([p for p in home if alike(*p, "name")])
    elsewhere = [p for p in different if p not in home and alike(*p, "name")]
    assert told["elsewhere_of_one_name"] == counted(elsewhere)


def _left_out(whole: tuple[int, int], rest: list[tuple[int, int]]) -> tuple[float, float] | None:
    """The interval of a share (part, whole), by what is left of it without each unit in turn."""
    if not whole[1]:
        return None
    share = whole[0] / whole[1]
    touched = [r for r in rest if r != whole]
    squares = sum((part / all_ - share) ** 2 for part, all_ in touched if all_)
    variance = (len(touched) - 1) / len(touched) * squares
    n = share * (1 - share) / variance if variance else len(touched)
    return wilson(share, max(1, min(n, whole[1])))


def _check_intervals(quality: Any, whole: tuple[int, int, int], rest: list[tuple[int, int, int]]) -> None:
    shares = {
        "precision": lambda right, false, missed: (right, right + false),
        "recall": lambda right, false, missed: (right, right + missed),
        "f1": lambda right, false, missed: (right, right + (false + missed) / 2),
    }
    for name, share in shares.items():
        told = getattr(quality, name)
        expected = _left_out(share(*whole), [share(*r) for r in rest])
        assert (told.low is None) == (expected is None)
        if expected:
            assert (told.low, told.high) == (pytest.approx(expected[0]), pytest.approx(expected[1]))


@given(st.lists(_record(), min_size=2, max_size=16))
@settings(max_examples=30)
def test_intervals_are_those_of_leaving_out_each_person_in_turn(con: Any, records: list[dict[str, Any]]) -> None:
    evaluation = _judge(con, records)

    def ends(of: list[dict[str, Any]], group: str | None) -> tuple[Any, ...]:
        pairs = [p for p in combinations(of, 2) for r in p if group is None or str(r["missing"]) == group]
        return tuple(n / 2 for n in _expected(pairs))

    people = sorted({r["truth"] for r in records})
    rests = [[r for r in records if r["truth"] != person] for person in people]
    _check_intervals(evaluation.pairwise, ends(records, None), [ends(rest, None) for rest in rests])
    for group in (g for g in evaluation.by_group if g.name == "missing"):
        _check_intervals(group.quality, ends(records, group.value), [ends(rest, group.value) for rest in rests])


_PAIR = st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] < pair[1])


@given(st.dictionaries(_PAIR, st.booleans(), min_size=1), st.lists(st.integers(0, 2), min_size=8, max_size=8))
@settings(max_examples=30)
def test_intervals_of_reviewed_pairs_leave_out_each_record(
    con: Any, labels: dict[tuple[int, int], bool], people: list[int]
) -> None:
    con.execute("CREATE OR REPLACE TABLE f (source VARCHAR, record_id INTEGER, person_id INTEGER)")
    con.executemany("INSERT INTO f VALUES ('a', ?, ?)", [[n, p] for n, p in enumerate(people)])
    con.execute("CREATE OR REPLACE TABLE l (source_a TEXT, record_a TEXT, source_b TEXT, record_b TEXT, same BOOLEAN)")
    con.executemany("INSERT INTO l VALUES ('a', ?, 'a', ?, ?)", [[a, b, same] for (a, b), same in labels.items()])

    def counts(without: int | None) -> tuple[int, int, int]:
        kept = {p: same for p, same in labels.items() if without not in p}
        together = {p: people[p[0]] == people[p[1]] for p in kept}
        right = sum(kept[p] and together[p] for p in kept)
        return right, sum(together.values()) - right, sum(kept.values()) - right

    quality = evaluate(con, "f", Truth("labels", "l")).pairwise
    assert (quality.right, quality.false, quality.missed) == counts(None)
    _check_intervals(quality, counts(None), [counts(n) for n in range(8)])


@given(st.floats(0, 1), st.floats(1, 1e7))
def test_an_interval_holds_its_share_and_stays_within_0_and_1(share: float, n: float) -> None:
    low, high = wilson(share, n)
    assert 0 <= low <= share + 1e-12 and share - 1e-12 <= high <= 1
    assert wilson(share, 4 * n)[1] - wilson(share, 4 * n)[0] < high - low


def test_one_wrong_link_of_people_with_many_records_widens_the_interval(con: Any) -> None:
    """Two people of ten records each taken for one are a hundred false pairs, but only one mistake."""
    sizes = [10, 10, *[2] * 200]
    many = [{"truth": str(p), "found": str(max(p, 1))} for p, size in enumerate(sizes) for _ in range(size)]
    base = {"source": "a", "uprn": None, "address": None, "name": "Ann", "born": None, "band": "x", "missing": 0}
    precision = _judge(con, [{**base, **r} for r in many]).pairwise.precision
    alone = wilson(precision.value or 0, 390)
    assert precision.low is not None and precision.high is not None
    assert precision.high - precision.low > 2 * (alone[1] - alone[0])


def test_records_that_the_index_lacks_are_told(con: Any) -> None:
    base = {"source": "a", "uprn": None, "address": None, "name": "Ann", "born": None, "band": "x", "missing": 0}
    people = [{**base, "found": p, "truth": p} for p in "1122333"]
    evaluation = _judge(con, people, unlisted=2)
    assert (evaluation.records, evaluation.missing_from_index) == (5, 2)
    assert evaluation.pairwise.recall.value == 1
    assert evaluation.recall_with_missing == pytest.approx(2 / 5)
    assert "2 more are not in the index" in lines(evaluation)[0].title


def test_a_group_that_the_index_sees_less_well_is_marked(con: Any) -> None:
    base = {"source": "a", "uprn": None, "address": None, "name": "Ann", "born": None, "missing": 0}
    seen = [{**base, "truth": str(n // 2), "found": str(n // 2), "band": "seen"} for n in range(400)]
    apart = [{**base, "truth": str(1000 + n // 2), "found": str(1000 + n), "band": "unseen"} for n in range(20)]
    half = [{**base, "truth": str(2000 + n // 2), "found": str(2000 + n // 2), "band": "unseen"} for n in range(380)]
    groups = {g.value: g for g in _judge(con, seen + apart + half).by_group if g.name == "band"}
    assert not groups["seen"].far_under
    assert groups["unseen"].far_under and groups["unseen"].quality.recall.value == pytest.approx(0.95)
    by_band = next(t for t in lines(_judge(con, seen + apart + half)) if t.title == "By band")
    assert [row[-1] for row in by_band.rows] == ["", "▼ 5.00 points under"]


def test_a_group_of_three_links_is_no_measure_for_others(con: Any) -> None:
    base = {"source": "a", "uprn": None, "address": None, "name": "Ann", "born": None, "missing": 0}
    few = [{**base, "truth": "few", "found": "few", "band": "few"} for _ in range(3)]
    few = [{**r, "truth": "1", "found": "1"} for r in few]
    many = [{**base, "truth": str(10 + n // 2), "found": str(10 + n // 2), "band": "many"} for n in range(380)]
    apart = [{**base, "truth": str(1000 + n // 2), "found": str(1000 + n), "band": "many"} for n in range(20)]
    groups = {g.value: g for g in _judge(con, few + many + apart).by_group if g.name == "band"}
    assert groups["few"].quality.recall.value == 1
    assert not groups["many"].far_under


def test_how_much_a_record_lacks_is_told_from_its_attributes(con: Any) -> None:
    con.execute(
        "CREATE OR REPLACE TABLE f AS SELECT * FROM (VALUES ('a', '1', 'P1', 'Ann', 'N1', NULL), ('a', '2', 'P1', 'Ann', "
        "NULL, NULL), ('a', '3', 'P2', NULL, NULL, '100')) AS v (source, record_id, person_id, forename, ni_number, uprn)"
    )
    con.execute("CREATE OR REPLACE TABLE t AS SELECT source, record_id, person_id FROM f")
    evaluation = evaluate(con, "f", Truth("people", "t"))
    assert {g.value: g.records for g in evaluation.by_group} == {"1": 1, "2": 2}


def test_the_json_has_the_promised_places(con: Any) -> None:
    base = {"source": "a", "uprn": "1", "address": None, "name": "Ann", "born": None, "band": "x", "missing": 0}
    told = json.loads(_judge(con, [{**base, "found": p, "truth": p} for p in "1122"]).to_json())
    assert told["pairwise"]["precision"] == told["pairwise"]["recall"] == told["pairwise"]["f1"] == 1.0
    assert told["cluster"]["f1"] == 1.0
    low, high = told["pairwise"]["interval"]["recall"]
    assert low < 1 and high == 1
    assert told["by_sources"][0]["sources"] == ["a", "a"]
    assert told["by_group"]["band"]["x"]["recall"] == 1.0
    assert (told["records"], told["missing_from_index"], told["people_in_truth"]) == (4, 0, 2)


def test_two_hundred_thousand_records_in_one_wrong_group_are_counted_not_paired(con: Any) -> None:
    con.execute(
        "CREATE OR REPLACE TABLE f AS SELECT 'a' AS source, i AS record_id, 'P1' AS person_id, i % 9 AS uprn "
        "FROM range(200000) AS r(i)"
    )
    con.execute(
        "CREATE OR REPLACE TABLE t AS SELECT 'a' AS source, i AS record_id, i // 2 AS person_id FROM range(200000) AS r(i)"
    )
    evaluation = evaluate(con, "f", Truth("people", "t"))
    assert evaluation.pairwise.right == 100_000
    assert evaluation.pairwise.false == 200_000 * 199_999 / 2 - 100_000
    assert evaluation.pairwise.recall.value == 1


def _write(folder: Path, name: str, sql: str) -> Path:
    file = folder / name
    kind = "(FORMAT parquet)" if name.endswith("parquet") else "(FORMAT csv, HEADER)"
    duckdb.execute(f"COPY ({sql}) TO '{file}' {kind}")
    return file


_TRUTH = "SELECT 'a.b.c' AS source, '007' AS record_id, 4 AS person_id, 'old' AS age_band"


@pytest.mark.parametrize("name", ["people.parquet", "people.csv"])
def test_a_truth_is_read_from_its_folder_or_its_file(con: Any, tmp_path: Path, name: str) -> None:
    file = _write(tmp_path, name, _TRUTH)
    for path in (tmp_path, file):
        truth = read_truth(con, path)
        assert (truth.kind, truth.groups) == ("people", ("age_band",))
        # Keys are text: a leading zero is a part of them.
        assert con.execute(f"SELECT source, record_id FROM {truth.relation}").fetchall() == [("a.b.c", "007")]


def test_reviewed_pairs_are_judged(con: Any, tmp_path: Path) -> None:
    con.execute(
        "CREATE OR REPLACE TABLE f AS SELECT * FROM (VALUES ('a', '1', 'P1'), ('a', '2', 'P1'), ('b', '1', 'P2'), "
        "('b', '2', 'P1'), ('b', '3', 'P4')) AS v (source, record_id, person_id)"
    )
    (tmp_path / "labels.csv").write_text(
        "source_a,record_a,source_b,record_b,same,by\n"
        "a,1,a,2,yes,jo\na,2,a,1,Yes,jo\n"  # one pair, told twice
        "a,1,b,2,different,jo\n"  # joined, wrongly
        "b,1,b,3,same,jo\n"  # missed
        "a,1,b,1,no,jo\n"  # rightly apart
        "a,2,b,3,unsure,jo\n"
        "a,1,b,9,true,jo\n"  # not in the index
    )
    truth = read_truth(con, tmp_path)
    evaluation = evaluate(con, "f", truth)
    q = evaluation.pairwise
    assert (evaluation.kind, q.right, q.false, q.missed) == ("labels", 1, 1, 1)
    assert (evaluation.records, evaluation.missing_from_index, evaluation.unknown_to_truth) == (5, 1, 0)
    assert evaluation.recall_with_missing == pytest.approx(1 / 3)
    assert evaluation.cluster is None
    assert json.loads(evaluation.to_json())["cluster"] is None
    by_source = {(s.left, s.right): (s.quality.right, s.quality.false, s.quality.missed) for s in evaluation.by_sources}
    assert by_source == {("a", "a"): (1, 0, 0), ("a", "b"): (0, 1, 0), ("b", "b"): (0, 0, 1)}
    assert "reviewed pairs" in lines(evaluation)[0].title


def test_labels_of_parquet_may_be_booleans(con: Any, tmp_path: Path) -> None:
    con.execute(
        "CREATE OR REPLACE TABLE f AS SELECT 'a' AS source, i AS record_id, 'P' AS person_id FROM range(3) AS r(i)"
    )
    pair = "SELECT 'a' AS source_a, {} AS record_a, 'a' AS source_b, {} AS record_b, {} AS same"
    file = _write(tmp_path, "x.parquet", " UNION ALL ".join([pair.format(0, 1, "true"), pair.format(0, 2, "false")]))
    q = evaluate(con, "f", read_truth(con, file)).pairwise
    assert (q.right, q.false, q.missed) == (1, 1, 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("source,record_id,who\na,1,2\n", "the column `person_id` is missing"),
        ("source_a,record_a,source_b\na,1,b\n", "the columns `record_b` and `same` are missing"),
        ("source_a,record_a,source_b,record_b,same\na,1,b,2,perhaps\n", "says neither yes nor no"),
    ],
)
def test_a_file_that_is_no_truth_says_what_is_expected(con: Any, tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text)
    with pytest.raises(VestryError) as raised:
        read_truth(con, tmp_path)
    assert told in raised.value.what and raised.value.where == str(file) and raised.value.mend


def test_no_truth_where_the_path_leads(con: Any, tmp_path: Path) -> None:
    (tmp_path / "people.txt").write_text("x")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "people.txt"):
        with pytest.raises(VestryError) as raised:
            read_truth(con, path)
        assert "source, record_id, person_id" in raised.value.mend


def test_a_truth_of_other_sources_is_refused(con: Any) -> None:
    con.execute("CREATE OR REPLACE TABLE f AS SELECT 'a.b.c' AS source, '1' AS record_id, 'P' AS person_id")
    con.execute("CREATE OR REPLACE TABLE t AS SELECT 'bronze' AS source, '1' AS record_id, 'x' AS person_id")
    with pytest.raises(VestryError) as raised:
        evaluate(con, "f", Truth("people", "t"))
    assert "a.b.c" in raised.value.mend and "bronze" in raised.value.mend


def test_a_truth_that_contradicts_itself_is_refused(con: Any) -> None:
    con.execute("CREATE OR REPLACE TABLE f AS SELECT 'a' AS source, '1' AS record_id, 'P' AS person_id")
    con.execute(
        "CREATE OR REPLACE TABLE t AS SELECT 'a' AS source, 1 AS record_id, i AS person_id FROM range(2) AS r(i)"
    )
    with pytest.raises(VestryError, match="different people are behind it"):
        evaluate(con, "f", Truth("people", "t"))


def test_a_pair_labelled_both_ways_is_refused(con: Any, tmp_path: Path) -> None:
    con.execute(
        "CREATE OR REPLACE TABLE f AS SELECT 'a' AS source, i AS record_id, 'P' AS person_id FROM range(3) AS r(i)"
    )
    file = tmp_path / "l.csv"
    file.write_text("source_a,record_a,source_b,record_b,same\na,1,a,2,yes\na,2,a,1,no\n")
    with pytest.raises(VestryError, match="labelled the same person and different people"):
        evaluate(con, "f", read_truth(con, file))
