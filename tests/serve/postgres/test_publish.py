"""The door PostgreSQL: who sees what there, what is sent, and what a swap is for those who read."""

from __future__ import annotations

import pytest
from bi import CLEAR, HASHED, PURPOSE, YEAR, Bi
from psycopg.errors import InsufficientPrivilege

from governed import ANN, NURSE
from vestry.governance import audit
from vestry.governance.access.terms import Condition

pytestmark = pytest.mark.slow


def test_staff_see_what_is_not_personal_and_nothing_else(bi: Bi) -> None:
    done = bi.publish()
    assert done.sent == (("adults.wards.ward", 2),)
    rows = bi.rows("vestry_staff", "SELECT * FROM vestry.adults_wards_ward ORDER BY 1")
    assert rows == [("North", "The North ward"), ("South", "The South ward")]
    assert bi.admin("SELECT viewname FROM pg_views WHERE schemaname ~ '^vestry'") == [("adults_wards_ward",)]
    assert [why for about, why in done.left_out if about == "adults.care.client"] != []


def test_a_reader_sees_the_columns_and_rows_of_her_grant(bi: Bi) -> None:
    bi.grant(ANN, {"id": HASHED, "born": YEAR, "ward": CLEAR}, Condition("ward", ("North",)))
    bi.publish()
    role = bi.role(ANN)
    with bi.reading(role) as con:
        found = con.execute(f"SELECT * FROM {role}.adults_care_client ORDER BY born")
        assert [c.name for c in found.description or ()] == ["id", "born", "ward"]
        rows = found.fetchall()
        assert [row[1:] for row in rows] == [("1950", "North"), ("1980", "North")]
        assert all(len(row[0]) == 64 for row in rows)
        # She works here, so what is not personal is hers too.
        assert con.execute("SELECT count(*) FROM vestry.adults_wards_ward").fetchone() == (2,)


def test_another_readers_view_and_the_data_behind_it_are_refused(bi: Bi) -> None:
    bi.grant(ANN, {"name": CLEAR, "ward": CLEAR}, Condition("ward", ("North",)))
    bi.grant(NURSE, {"name": CLEAR, "ward": CLEAR}, Condition("ward", ("South",)))
    bi.admin("ALTER DEFAULT PRIVILEGES FOR ROLE publisher GRANT SELECT ON TABLES TO PUBLIC")
    bi.publish()
    bi.admin("ALTER DEFAULT PRIVILEGES FOR ROLE publisher REVOKE SELECT ON TABLES FROM PUBLIC")
    ann, nurse = bi.role(ANN), bi.role(NURSE)
    (table,) = [name for name in bi.physical() if "wards" not in name and _is_personal(bi, name)]
    with bi.reading(ann) as con:
        for sql in (
            f"SELECT * FROM {nurse}.adults_care_client",
            f"SELECT * FROM vestry_data.{table}",
            "SELECT * FROM vestry_data.piece",
            f"SET ROLE {nurse}",
            f"DELETE FROM {ann}.adults_care_client",
            f"ALTER TABLE vestry_data.{table} DISABLE ROW LEVEL SECURITY",
        ):
            with pytest.raises(InsufficientPrivilege):
                con.execute(sql)
    public = bi.admin("SELECT relname FROM pg_class WHERE relname ~ '^t_' AND relacl::text ~ '[{,]=r'")
    assert public == []


def _is_personal(bi: Bi, table: str) -> bool:
    return bi.admin(f"SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = '{table}'") == [
        (True,)
    ]


def test_readers_who_differ_in_rows_share_a_table_that_row_level_security_parts(bi: Bi) -> None:
    bi.grant(ANN, {"name": CLEAR, "ward": CLEAR}, Condition("ward", ("North",)))
    bi.grant(NURSE, {"name": CLEAR, "ward": CLEAR}, Condition("ward", ("North", "South")))
    done = bi.publish()
    assert sorted(done.sent) == [("adults.care.client", 3), ("adults.wards.ward", 2)]
    (table,) = [name for name in bi.physical() if _is_personal(bi, name)]
    # Even let into the schema, each role reads its own rows of the table itself; the owner reads none.
    roles = [bi.role(ANN), bi.role(NURSE)]
    bi.admin(f"GRANT USAGE ON SCHEMA vestry_data TO {', '.join(roles)}")
    sql = f"SELECT name FROM vestry_data.{table} ORDER BY 1"
    assert [len(bi.rows(role, sql)) for role in (*roles, "publisher")] == [2, 3, 0]
    assert [n for (n,) in bi.rows(roles[0], sql)] == ["Ada Testperson", "Bo Testperson"]


def test_what_is_not_shown_does_not_go_out_also_where_rows_depend_on_it(bi: Bi) -> None:
    bi.grant(ANN, {"name": CLEAR}, Condition("ward", ("North",)))
    bi.grant(NURSE, {"name": CLEAR, "id": CLEAR}, Condition("id", ("3",)))
    bi.publish()
    held = bi.admin("SELECT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid "
                    "WHERE relname ~ '^t_' AND attnum > 0")  # fmt: skip
    assert sorted(a for (a,) in held) == ["id", "name", "name", "name", "ward"]
    assert bi.rows(bi.role(NURSE), f"SELECT * FROM {bi.role(NURSE)}.adults_care_client") == [("3", "Cy Testperson")]
    # A policy is for everybody to read: no id of a person stands in one.
    assert "3" not in str(bi.admin("SELECT replace(qual, now()::date::text, '') FROM pg_policies WHERE qual ~ 'id'"))


def test_who_may_have_numbers_only_gets_numbers_only(bi: Bi) -> None:
    people = (f"{n},P{n} Testperson,1990-01-01,WX3 3AA,{'East' if n < 23 else 'West'}," for n in range(28))
    bi.more("id,name,born,postcode,ward,note\n" + "\n".join(people) + "\n")
    bi.grant(ANN, {"ward": CLEAR}, statistics=True)
    bi.publish()
    assert bi.rows(bi.role(ANN), f"SELECT ward, number FROM {bi.role(ANN)}.adults_care_client") == [("East", 25)]


def test_every_publication_leaves_a_line_for_each_reader(bi: Bi) -> None:
    grant = bi.grant(ANN, {"name": CLEAR})
    bi.publish()
    lines = [line for line in audit.lines(bi.project) if line.entry.door == "postgres"]
    (line,) = [line for line in lines if line.entry.who == ANN.id]
    assert (line.entry.rows, line.entry.purpose, line.entry.grants) == (3, PURPOSE, (grant.id,))
    assert line.reads[0].columns == {"name": "clear"}
    assert [line.entry.rows for line in lines if line.entry.who == "publish-bi"] == [2]
    bi.publish()
    assert len([line for line in audit.lines(bi.project) if line.entry.door == "postgres"]) == len(lines)


def test_what_is_as_it_was_is_not_sent_again(bi: Bi) -> None:
    bi.grant(ANN, {"name": CLEAR})
    bi.publish()
    tables = bi.physical()
    done = bi.publish()
    assert (done.sent, done.given, done.taken, done.as_they_were) == ((), 0, 0, 2)
    assert bi.physical() == tables
