"""How well a citizen index knows who is who, held against a truth or against reviewed pairs.

All is counted by the sizes of groups: n records of one person are n(n - 1)/2 pairs, so that a million records are
judged in seconds and a group that went wrong cannot make the judging explode. Intervals are of 95 %.

*Clusters*, of which each is right or not, have Wilson's interval. *Pairs* are not independent: a person with ten
records has 45 of them, and one wrong link is many wrong pairs. So what varies is the person: the variance is the
jackknife's, which leaves out each person in turn with every pair that touches one of their records (each record,
where reviewed pairs are all there is). It errs to the wide side (Efron and Stein, 1981, Annals of Statistics 9(3)),
draws no lots, so two evaluations say the same, and needs one pass, where a bootstrap needs hundreds. Persons as the
units of entity resolution: Binette et al., 2023, The American Statistician 77(4). An interval by the variance alone
would go past 1, where figures of linkage lie: so the variance is told as the number of independent pairs that would
have it, and that number given to Wilson's interval (Franco et al., 2019, J. Survey Statistics and Methodology 7(3)).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vestry.project import VestryError, literal, quote
from vestry.project.errors import listed

if TYPE_CHECKING:
    import duckdb

#: A group whose recall is more than this under the best group's is marked.
FAR_UNDER = 0.02
#: Of so many true links a group's recall may be the best: that of three links is chance.
ENOUGH_LINKS = 100
_Z = 1.959963984540054

_PEOPLE = ("source", "record_id", "person_id")
_LABELS = ("source_a", "record_a", "source_b", "record_b", "same")
_EXPECTED = (
    f"a truth has the columns {', '.join(_PEOPLE)} (further columns are groups: age_band, sex …), "
    f"reviewed pairs have {', '.join(_LABELS)}, as CSV or Parquet"
)
_SAME = ("true", "t", "yes", "y", "1", "same")
_DIFFERENT = ("false", "f", "no", "n", "0", "different")
_UNSURE = ("", "unsure")
#: What a record may lack: each of these things, by any of its columns.
_THINGS = (
    ("forename",),
    ("surname",),
    ("date_of_birth",),
    ("sex",),
    ("nhs_number", "ni_number", "upn", "other_id"),
    ("uprn", "address", "postcode"),
    ("telephone", "email"),
)


@dataclass(frozen=True)
class Truth:
    """What the index is held against: a relation of people or of reviewed pairs, and its columns of groups."""

    kind: Literal["people", "labels"]
    relation: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Share:
    """A share and its interval of 95 %; None where there is nothing to take a share of."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "–"
        return f"{100 * self.value:.2f} % ({100 * self.low:.2f} to {100 * self.high:.2f})"


@dataclass(frozen=True)
class Quality:
    """Precision, recall and F1 of what was found; `right`, `false`, `missed` are counts of pairs or clusters."""

    precision: Share
    recall: Share
    f1: Share
    right: float
    false: float
    missed: float

    def as_dict(self) -> dict[str, Any]:
        shares = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        interval = {name: None if s.low is None else [s.low, s.high] for name, s in shares.items()}
        counts = {"right": self.right, "false": self.false, "missed": self.missed}
        return {**{name: s.value for name, s in shares.items()}, "interval": interval, **counts}


@dataclass(frozen=True)
class SourcePair:
    """Pairs of one record of each of two sources."""

    left: str
    right: str
    quality: Quality


@dataclass(frozen=True)
class Group:
    """The links of the records of a group. `far_under`: its recall is far under that of the best group."""

    name: str
    value: str
    records: int
    links: float
    quality: Quality
    far_under: bool = False


@dataclass(frozen=True)
class Lookalikes:
    """Pairs of records of *different* people who are easily taken for one: how many there are, how many were joined."""

    kind: str
    pairs: int
    joined: int


@dataclass(frozen=True)
class Evaluation:
    """What was judged, and how well it was found."""

    kind: Literal["people", "labels"]
    records: int
    missing_from_index: int
    unknown_to_truth: int
    pairwise: Quality
    #: Recall where the links of records that are missing from the index count as missed.
    recall_with_missing: float | None
    cluster: Quality | None = None
    #: Clusters of one record left aside: they are right wherever nothing is done.
    cluster_of_several: Quality | None = None
    by_sources: tuple[SourcePair, ...] = ()
    by_group: tuple[Group, ...] = ()
    lookalikes: tuple[Lookalikes, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        groups: dict[str, dict[str, Any]] = {}
        for g in self.by_group:
            told = {"records": g.records, "links": g.links, "far_under": g.far_under, **g.quality.as_dict()}
            groups.setdefault(g.name, {})[g.value] = told
        return {
            "against": self.kind,
            "records": self.records,
            "missing_from_index": self.missing_from_index,
            "unknown_to_truth": self.unknown_to_truth,
            **self.sizes,
            "pairwise": {**self.pairwise.as_dict(), "recall_with_missing": self.recall_with_missing},
            "cluster": self.cluster and self.cluster.as_dict(),
            "cluster_of_several": self.cluster_of_several and self.cluster_of_several.as_dict(),
            "by_sources": [{"sources": [s.left, s.right], **s.quality.as_dict()} for s in self.by_sources],
            "by_group": groups,
            "false_matches": {k.kind: {"pairs": k.pairs, "joined": k.joined} for k in self.lookalikes},
        }

    def to_json(self) -> str:
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False)


def read_truth(con: duckdb.DuckDBPyConnection, path: Path) -> Truth:
    """The truth in a file, or in `people.…` or `labels.…` of a folder, as a temporary table.

    Raises VestryError that says which columns are expected and where.
    """
    names = [f"{name}.{kind}" for name in ("people", "labels") for kind in ("parquet", "csv")]
    file = next((path / n for n in names if (path / n).is_file()), None) if path.is_dir() else path
    if file is None or not file.is_file():
        what = "there is no truth here" if file is None else "there is no such file"
        raise VestryError(what, str(path), f"name a file or a folder that holds one of {', '.join(names)}: {_EXPECTED}")
    if file.suffix.lower() not in (".csv", ".parquet"):
        raise VestryError("a truth is CSV or Parquet", str(file), _EXPECTED)
    import duckdb

    read = "read_csv({}, header = true, all_varchar = true)" if file.suffix.lower() == ".csv" else "read_parquet({})"
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE mdm_truth AS FROM {read.format(literal(str(file)))}")
    except duckdb.Error as error:  # whose text may hold values
        raise VestryError(f"the file cannot be read as {file.suffix[1:]}", str(file), _EXPECTED) from error
    columns = {c.lower(): c for c in _columns(con, "mdm_truth")}
    if set(_PEOPLE) <= set(columns):
        return Truth("people", "mdm_truth", tuple(c for low, c in columns.items() if low not in _PEOPLE))
    if set(_LABELS) <= set(columns):
        _read_labels(con, file)
        return Truth("labels", "mdm_truth")
    near = max((_PEOPLE, _LABELS), key=lambda wanted: len(set(wanted) & set(columns)))
    lacking = [c for c in near if c not in columns]
    what = (
        f"the column{'s' if len(lacking) > 1 else ''} {listed(lacking)} {'are' if len(lacking) > 1 else 'is'} missing"
    )
    raise VestryError(what, str(file), _EXPECTED)


def _read_labels(con: duckdb.DuckDBPyConnection, file: Path) -> None:
    word = "lower(trim(CAST(same AS VARCHAR)))"
    odd = f"FROM mdm_truth WHERE {word} NOT IN {(*_SAME, *_DIFFERENT, *_UNSURE)}"
    if count := _number(con, f"SELECT count(*) {odd}"):
        what = f"the column `same` of {count:,} row{'s' if count > 1 else ''} says neither yes nor no"
        raise VestryError(
            what, str(file), "write true or false (yes or no, same or different); unsure rows may be empty"
        )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE mdm_truth AS SELECT * REPLACE ({word} IN {_SAME} AS same) "
        f"FROM mdm_truth WHERE {word} IN {(*_SAME, *_DIFFERENT)}"
    )


def evaluate(con: duckdb.DuckDBPyConnection, found: str, truth: Truth) -> Evaluation:
    """Hold the index against a truth or reviewed pairs.

    `found` is SQL of a relation with source, record_id, person_id, and what else is known of the records: uprn,
    address, postcode, forename, surname, date_of_birth tell of false matches in one home; `missing` (or, without
    it, the attributes themselves) of how much a record lacks. Records are judged that are in both.

    Raises VestryError where truth and index have no record in common, or the truth contradicts itself.
    """
    try:
        return _by_labels(con, found, truth) if truth.kind == "labels" else _by_people(con, found, truth)
    finally:
        for name in _TABLES:
            con.execute(f"DROP TABLE IF EXISTS {name}")


_TABLES = ("mdm_judged", "mdm_cell", "mdm_units", "mdm_told")


def _by_people(con: duckdb.DuckDBPyConnection, found: str, truth: Truth) -> Evaluation:
    groups = {name: f"CAST(t.{quote(name)} AS VARCHAR)" for name in truth.groups}
    known = _columns(con, found)
    if "missing" not in groups and (lacks := _lacks(known)):
        groups["missing"] = lacks
    listed_ = "".join(f", {sql} AS {quote('group ' + name)}" for name, sql in groups.items())
    looks = {name: sql for name, needs, sql in _LOOKS if set(needs) <= set(known)}
    looked = "".join(f", {sql} AS {name}" for name, sql in looks.items())
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE mdm_told AS SELECT DISTINCT CAST(source AS VARCHAR) AS source, "
        f"CAST(record_id AS VARCHAR) AS record_id, CAST(person_id AS VARCHAR) AS person_id "
        f"FROM {truth.relation} WHERE person_id IS NOT NULL"
    )
    twice = _number(con, "SELECT count(*) FROM (FROM mdm_told GROUP BY source, record_id HAVING count(*) > 1)")
    if twice:
        what = f"the truth says of {twice:,} record{'s' if twice > 1 else ''} that two people are behind it"
        raise VestryError(what, mend="a record (source, record_id) belongs to one person_id")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE mdm_judged AS
            SELECT CAST(t.source AS VARCHAR) AS source, CAST(f.person_id AS VARCHAR) AS found,
                CAST(t.person_id AS VARCHAR) AS truth{listed_}{looked}
            FROM (FROM {truth.relation} WHERE person_id IS NOT NULL QUALIFY row_number() OVER (
                PARTITION BY source, record_id) = 1) AS t
            JOIN {found} AS f ON f.source = CAST(t.source AS VARCHAR)
                AND CAST(f.record_id AS VARCHAR) = CAST(t.record_id AS VARCHAR)"""
    )
    records, told = _number(con, "SELECT count(*) FROM mdm_judged"), _number(con, "SELECT count(*) FROM mdm_told")
    if not records:
        _strangers(con, found, "SELECT source FROM mdm_told")
    con.execute(_CELLS)
    whole = _qualities(con, "NULL::VARCHAR")[None]
    linked = _number(con, "SELECT sum(n * (n - 1) // 2) FROM (SELECT count(*) AS n FROM mdm_told GROUP BY person_id)")
    right, in_index, in_truth = _row(con, _CLUSTERS.format(least=1))
    several = _row(con, _CLUSTERS.format(least=2))
    return Evaluation(
        "people",
        records,
        told - records,
        _number(con, f"SELECT count(*) FROM {found}") - records,
        whole.quality,
        whole.quality.right / linked if linked else None,
        _counted(right, in_index, in_truth),
        _counted(*several),
        _source_pairs(con),
        tuple(g for name in groups for g in _groups(con, name)),
        _lookalikes(con, looks),
        {"people_in_index": in_index, "people_in_truth": in_truth},
    )
