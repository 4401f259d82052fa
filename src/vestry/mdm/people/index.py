"""One update of a citizen index: what changed, whom it may be, and which person that makes each record.

Beside the table stand its companions, which nobody may ask: `__standard` (records as they are compared), `__pair`
(pairs weighed), `__lives` (pairs that would tell one life of a person of another),
`__model` (what was learnt, and when), `__common` and `__frequency` (what many share, how common values are). They are
written first, each in one commit and so that it can be done again; the events, which say who is whom, are
written last. So an update that is killed is found unfinished by the next, which ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import duckdb

from vestry.lake import Lake
from vestry.lake.rewrite import touched
from vestry.mdm.people import standard
from vestry.mdm.people.companions import Companions, told_pairs
from vestry.mdm.people.grouping import count, regroup
from vestry.mdm.people.learning import IDENTIFIERS, LEAST_WEIGHT, learn, newest_model
from vestry.mdm.people.linker import Model
from vestry.mdm.people.model import MatchFile
from vestry.mdm.people.scoring import BESIDES_NAMES, NAMES, meet, score
from vestry.project import TableName, literal

#: Marks of the events: the last update that was published, the model it rests on, the decisions that it knows, and
#: a number for the pairs that the council's own tables tell apart.
UPDATE, MODEL, DECIDED = "vestry.index_update", "vestry.index_model", "vestry.index_decided"
TOLD = "vestry.index_told_apart"
#: More new or changed records than this share of all are indexed like the first time, with the model that is there.
_MANY = 0.25


class Index:
    """One index between two states. `con` names the inputs `domain.product.table`."""

    def __init__(self, lake: Lake, con: duckdb.DuckDBPyConnection, spec: MatchFile, base: TableName) -> None:
        self.lake, self.con, self.spec = lake, con, spec
        self.names = Companions(base)

    def relation(self, name: TableName, version: int | None = None) -> str:
        at = "" if version is None else f", version => {version}"
        return f"delta_scan({literal(self.lake.uri(name))}{at})"

    def told_pairs(self) -> str:
        """The weighed pairs, less those that could tell one life of a person of another."""
        return told_pairs(self.lake, self.names, self.relation(self.names.pair))

    def exists(self, name: TableName) -> bool:
        return self.lake.open(name) is not None

    def update(self, mark: Callable[[str], int | None], anew: bool) -> Mapping[str, int] | None:
        """Bring the companions up to date, and make `mdm_events`: the events that this adds.

        `mark` reads the marks of the events that are published. Returns those that the new events leave; None where
        nothing has changed.
        """
        con = self.con
        done, modelled = mark(UPDATE) or 0, mark(MODEL) or 0
        standard.prepare(con, self.spec)
        standard.see(con, self.spec)
        number = self._changes(done)
        model_id, model = newest_model(self)
        last = self.lake.mark(self.names.decision)
        decisions = 0 if last is None else last + 1
        told = self._told_apart()
        outranked = anew or decisions != (mark(DECIDED) or 0) or told != (mark(TOLD) or 0)
        dirty = count(con, "mdm_changed") + count(con, "mdm_gone")
        unfinished = self._unfinished(done)
        if not (dirty or unfinished or outranked or model is None or model_id != modelled):
            return None
        # A recipe that changed may have other thresholds and rules: all pairs are weighed again, with the same model.
        whole = anew or model is None or model_id != modelled
        whole = whole or dirty + unfinished > _MANY * max(1, count(con, "mdm_content"))
        whole = whole or not self.exists(self.names.standard)
        before = None if whole else self._before()
        self._standardise(number, before)
        changed = dirty or unfinished or whole or told != (mark(TOLD) or 0)
        if model is None:
            model_id, model = learn(self)  # and the pairs are weighed
        elif changed:
            self._weigh(model, done, before, bool(unfinished))
        if changed:
            self._write_pairs(model, model_id, done, whole)
        regroup(self, done, whole or outranked, unfinished=bool(unfinished))
        return {UPDATE: number, MODEL: model_id, DECIDED: decisions, TOLD: told}

    # What changed

    def _changes(self, done: int) -> int:
        """Make `mdm_changed` (key, content): records that say what is not stored; the number of this update.

        And of records that are stored `mdm_known` (uid, key, content), and `mdm_gone` (uid): those not there any more.
        """
        con = self.con
        number = 1 + done
        con.execute("CREATE OR REPLACE TEMP TABLE mdm_known (uid BIGINT, key UBIGINT, content BIGINT)")
        if self.exists(self.names.standard):
            stored = self.relation(self.names.standard)
            con.execute(
                f"INSERT INTO mdm_known SELECT uid, record_key(source, record_id), content FROM {stored} WHERE NOT gone"
            )
            last = con.execute(f"SELECT max(changed_in) FROM {stored}").fetchone()
            number = max(number, 1 + (last[0] or 0 if last else 0))
        con.execute(
            """CREATE OR REPLACE TEMP TABLE mdm_differs AS
               SELECT c.key, c.content, k.uid FROM mdm_content AS c FULL JOIN mdm_known AS k USING (key)
               WHERE c.content IS DISTINCT FROM k.content"""
        )
        con.execute(
            "CREATE OR REPLACE TEMP TABLE mdm_changed AS SELECT key, content FROM mdm_differs WHERE key IS NOT NULL"
        )
        con.execute("CREATE OR REPLACE TEMP TABLE mdm_gone AS SELECT uid FROM mdm_differs WHERE key IS NULL")
        return number

    def _unfinished(self, done: int) -> int:
        """How many records an update that did not end has written."""
        if not self.exists(self.names.standard):
            return 0
        row = self.con.execute(
            f"SELECT count(*) FROM {self.relation(self.names.standard)} WHERE changed_in > {done}"
        ).fetchone()
        return int(row[0]) if row else 0

    # Standard records

    def _before(self) -> str:
        """SQL of the standard records that stay as they are."""
        now = self.relation(self.names.standard, self.lake.existing(self.names.standard).version())
        return (
            f"(SELECT * FROM {now} WHERE NOT gone AND uid NOT IN (SELECT uid FROM mdm_differs WHERE uid IS NOT NULL))"
        )

    def _standardise(self, number: int, before: str | None) -> None:
        """Write `__standard`: the changed records anew and the gone ones marked, or all of them where none stay."""
        con, table = self.con, self.names.standard
        there, whole = self.exists(table), before is None
        con.execute("CREATE OR REPLACE TEMP TABLE mdm_common (name VARCHAR, value UBIGINT)")
        if whole:
            con.execute("CREATE OR REPLACE TEMP TABLE mdm_changed AS FROM mdm_content")
        elif self.exists(self.names.common):
            con.execute(f"INSERT INTO mdm_common SELECT name, value FROM {self.relation(self.names.common)}")
        if count(con, "mdm_changed") or whole:
            standard.standardise(con, self.spec, before)
        elif not count(con, "mdm_gone"):
            return
        else:
            con.execute(
                "CREATE OR REPLACE TEMP VIEW mdm_standard AS SELECT * EXCLUDE (changed_in, gone) "
                f"FROM {self.relation(table)} WHERE false"
            )
        made = f"SELECT *, {number}::BIGINT AS changed_in, false AS gone FROM mdm_standard"
        if there:
            gone = "uid IN (SELECT uid FROM mdm_gone)"
            if whole:
                gone = "record_key(source, record_id) NOT IN (SELECT key FROM mdm_content)"
            # Of a record that is gone nothing stays but its name.
            made += (
                f" UNION ALL BY NAME SELECT uid, source, record_id, {number}::BIGINT AS changed_in, true AS gone, "
                f"false AS guarded, false AS hidden FROM {self.relation(table)} WHERE {gone}"
            )
        con.execute(f"CREATE OR REPLACE TEMP VIEW mdm_written AS {made}")
        self.replace(table, "mdm_written", "uid IN (SELECT uid FROM mdm_written)", whole, ["uid", "changed_in"])
        con.execute("DROP VIEW mdm_written")
        con.execute("DROP VIEW mdm_standard")
        for name in ("rows", "keyed"):
            con.execute(f"DROP TABLE IF EXISTS mdm_{name}")
        self.replace(self.names.common, "mdm_common", "", True, [])

    def replace(self, table: TableName, rows: str, gone: str, whole: bool, skip_by: Collection[str]) -> None:
        """Write rows into a companion: in place of all, or of those of the condition `gone`."""
        con, lake = self.con, self.lake
        with lake.lock(table):
            if whole or lake.open(table) is None:
                lake.publish(lake.stage(con, table, f"SELECT * FROM {rows}"), replace=True, skip_by=skip_by)
                return
            found = touched(lake, con, table, gone)
            kept = f"{found.kept} UNION ALL BY NAME " if found else ""
            staged = lake.stage(con, table, f"{kept}SELECT * FROM {rows}")
            lake.publish(staged, replace=found.files if found else (), skip_by=skip_by)

    # Pairs

    def all_records(self) -> None:
        """Make `mdm_all`: the records that may be linked, as `standard.comparable` gives them."""
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE mdm_all AS SELECT * FROM {self._comparable()}")

    def _comparable(self, where: str = "true") -> str:
        return standard.comparable(self.relation(self.names.standard), where)

    def _weigh(self, model: Model, done: int, before: str | None, unfinished: bool) -> None:
        """Make `mdm_weighed` and `mdm_all`: all pairs, or those that have a changed record in them; and their records.

        `before` is a relation of the records that stay, `unfinished` true where an update before did not end.
        """
        con = self.con
        if before is None:
            self.all_records()
            meet(con, "mdm_all", model)
        else:
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE mdm_new AS SELECT * FROM {self._comparable(f'changed_in > {done}')}"
            )
            if unfinished or not count(con, "mdm_changed"):  # not all of these were standardised just now
                standard.near_homes(con, before, "(SELECT unnest(homes) AS home FROM mdm_new)")
                standard.near(con, before, "mdm_new", self.spec)
            meet(con, "mdm_new", model, others=True)
            met = f"changed_in <= {done} AND uid IN (SELECT unnest([uid_l, uid_r]) FROM mdm_met)"
            columns = "COLUMNS(c -> NOT starts_with(c, 'k_'))"
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE mdm_all AS SELECT {columns} FROM mdm_new UNION ALL BY NAME "
                f"SELECT {columns} FROM {self._comparable(met)}"
            )
        score(con, "mdm_all", model, "mdm_weighed", LEAST_WEIGHT, self.relation(self.names.frequency))

    def _write_pairs(self, model: Model, model_id: int, done: int, whole: bool) -> None:
        """Write `__pair`: what was weighed, by the rules, in place of all or of the changed records' pairs."""
        con = self.con
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE mdm_dirty AS SELECT uid FROM {self.relation(self.names.standard)} "
            f"WHERE changed_in > {done}"
        )
        con.execute(_rules(model, self.spec))
        # No comparison of records told apart is kept: nobody who asks can tell them from any two people.
        con.execute("DELETE FROM mdm_weighed WHERE (uid_l, uid_r) IN (SELECT (uid_l, uid_r) FROM mdm_told_apart)")
        con.execute(
            "DELETE FROM mdm_weighed USING (SELECT uid, apart FROM mdm_all WHERE apart IS NOT NULL) AS a, mdm_all AS b "
            "WHERE a.uid = uid_l AND b.uid = uid_r AND a.apart = b.apart"
        )
        gone = (
            "uid_l IN (SELECT uid FROM mdm_dirty) OR uid_r IN (SELECT uid FROM mdm_dirty) "
            "OR (uid_l, uid_r) IN (SELECT (uid_l, uid_r) FROM mdm_told_apart)"
        )
        born_apart = _differs(model, "born") if "born" in model.compared and model.of_families else "false"
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE mdm_pairs AS SELECT *, coalesce({born_apart}, false) AS born_apart, "
            f"{model_id}::BIGINT AS model_id FROM mdm_weighed"
        )
        self.replace(self.names.pair, "mdm_pairs", gone, whole, ["uid_l", "uid_r"])
        con.execute("DROP TABLE mdm_weighed")

    def _told_apart(self) -> int:
        """Make `mdm_told_apart` (uid_l, uid_r): pairs that the council's tables tell apart; a number for all."""
        parts = [
            f"SELECT record_number({literal(t.of)}, CAST({t.left} AS VARCHAR)) AS a, "
            f"record_number({literal(t.of)}, CAST({t.right} AS VARCHAR)) AS b FROM {t.table}"
            for t in self.spec.told_apart
        ]
        pairs = " UNION ALL ".join(parts) or "SELECT NULL::BIGINT AS a, NULL::BIGINT AS b WHERE false"
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE mdm_told_apart AS "
            f"SELECT DISTINCT least(a, b) AS uid_l, greatest(a, b) AS uid_r FROM ({pairs}) WHERE a <> b"
        )
        row = self.con.execute(
            "SELECT bit_xor((uid_l % 1000000007) * 31 + uid_r % 1000003) FROM mdm_told_apart"
        ).fetchone()
        return int(row[0] or 0) if row else 0


def _rules(model: Model, spec: MatchFile) -> str:
    """Put right what adding up weights gets wrong; each rule can be said in a sentence.

    Names alone make nobody one person: without two bits of other evidence a pair is forgotten. Different dates of
    birth, or different forenames, are never outweighed by a home, a telephone, a surname: a person is asked, unless
    an identifier is the same.
    """
    compared = model.compared
    other = [f"coalesce(w_{c}, 0)" for c in compared if c not in NAMES] or ["0"]
    numbers = [f"coalesce(w_{c}, 0)" for c in compared if c in IDENTIFIERS] or ["0"]
    apart = [_differs(model, c) for c in ("born", "given") if c in compared and model.of_families] or ["false"]
    ask = (spec.thresholds.review + spec.thresholds.link) / 2
    return f"""
        DELETE FROM mdm_weighed WHERE greatest({", ".join([*other, "-99"])}) < {BESIDES_NAMES};
        UPDATE mdm_weighed SET weight = least(weight, {ask})
        WHERE ({" OR ".join(f"({a})" for a in apart)}) AND greatest({", ".join([*numbers, "-99"])}) < 5;
        """


def _differs(model: Model, name: str) -> str:
    """SQL that is true of pairs whose values of a comparison are different."""
    return " OR ".join(f"abs(w_{name} - {weight}) < 0.01" for weight in model.different(name))
