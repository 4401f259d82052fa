"""What columns are in PostgreSQL, and what EXPLAIN does not tell; read by ODBC too."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from bi import CLEAR, Bi

from governed import ANN, NURSE
from vestry.governance.access.terms import Condition

pytestmark = pytest.mark.slow
COLUMNS = {
    "id": "logicalType: integer, primaryKey: true, classification: internal, description: 'Its number; it''s ours'",
    "cost": 'logicalType: number, physicalType: "DECIMAL(18,2)", classification: internal',
    "at": "logicalType: timestamp, classification: internal",
    "day": "logicalType: date, classification: internal",
    "is_open": "logicalType: boolean, classification: internal",
    "share": "logicalType: number, classification: internal",
    "tags": "logicalType: array, classification: internal, items: {logicalType: string}",
    'Größe "x"': "logicalType: string, classification: internal",
    "shape": "logicalType: string, physicalType: BLOB, classification: internal",
}
RECIPE = r'''
SELECT 1::BIGINT AS id, 10.50::DECIMAL(18,2) AS cost, TIMESTAMPTZ '2026-07-05 10:00:00+00' AS "at",
    DATE '1066-10-14' AS day, true AS is_open, 0.1::DOUBLE AS share, ['a', 'it''s "b"'] AS tags,
    'a' || chr(0) || 'b' AS "Größe ""x""", '\x01\xFF'::BLOB AS shape
UNION ALL SELECT 2, -0.01, NULL, NULL, NULL, 'NaN'::DOUBLE, [], 'é' || chr(10), NULL FROM bronze.care.client WHERE id = '1'
'''


@pytest.fixture
def typed(bi: Bi) -> Bi:
    columns = "\n".join(f"      - {{name: '{name}', {rest}}}" for name, rest in COLUMNS.items())
    listed = f"  - name: thing\n    description: Things, and what they cost.\n    properties:\n{columns}"
    bi.council.product("adults.things", listed, thing_sql=RECIPE)
    bi.council.good()
    bi.settings('[publish.bi]\nurl = "${BI_URL}"\ntables = "adults.things.thing"\n')
    bi.publish()
    return bi


def test_values_are_what_they_were_and_of_their_types(typed: Bi) -> None:
    rows = typed.rows("vestry_staff", "SELECT * FROM vestry.adults_things_thing ORDER BY id")
    assert rows[0] == (
        1, Decimal("10.50"), datetime(2026, 7, 5, 10, tzinfo=UTC), date(1066, 10, 14), True, 0.1, ["a", 'it\'s "b"'],
        "ab", b"\x01\xff",
    )  # fmt: skip
    assert rows[1][:5] == (2, Decimal("-0.01"), None, None, None)
    assert rows[1][5] != rows[1][5] and rows[1][6:] == ([], "é\n", None)
    kinds = typed.admin(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attnum > 0 "
        "AND attrelid = 'vestry.adults_things_thing'::regclass ORDER BY attnum"
    )
    assert [kind for (kind,) in kinds] == [
        "bigint", "numeric(18,2)", "timestamp with time zone", "date", "boolean", "double precision", "json", "text",
        "bytea",
    ]  # fmt: skip


def test_descriptions_are_comments_and_follow_the_contract(typed: Bi) -> None:
    asked = "SELECT obj_description('vestry.adults_things_thing'::regclass), col_description('vestry.adults_things_thing'::regclass, 1)"
    assert typed.admin(asked) == [("Things, and what they cost.", "Its number; it's ours")]
    contract = typed.council.root / "domains/adults/things/contract.yaml"
    contract.write_text(contract.read_text().replace("Things, and", "Things and"))
    done = typed.publish()
    assert (done.sent, done.given) == ((), 1)
    assert typed.admin(asked)[0][0] == "Things and what they cost."


def test_odbc_reads_it(typed: Bi) -> None:
    typed.postgres.execute("ALTER ROLE vestry_staff LOGIN")
    reach = (
        f"DRIVER={{PostgreSQL Unicode}};SERVER=127.0.0.1;PORT={typed.postgres.port};DATABASE={typed.database};"
        "UID=vestry_staff"
    )
    engine = typed.gate.live.workspace.engine
    engine.load("odbc_scanner")
    import duckdb

    with engine.cursor() as con:
        try:
            con.execute("SET VARIABLE reach = odbc_connect(?)", [reach])
        except duckdb.Error:
            pytest.skip("there is no PostgreSQL driver of ODBC")
        sql = "SELECT id, cost, day FROM vestry.adults_things_thing ORDER BY id LIMIT 1"
        found = con.execute("SELECT * FROM odbc_query(getvariable('reach'), ?)", [sql]).fetchall()
        con.execute("SELECT odbc_close(getvariable('reach'))")
    assert found == [(1, Decimal("10.50"), date(1066, 10, 14))]


def test_explain_tells_nothing_of_rows_that_somebody_else_sees(bi: Bi) -> None:
    # Half of all are called so, in a ward that Ann does not see.
    lines = [
        f"{n},{'Zed Testperson' if n % 2 else f'P{n}'},1990-01-01,WX3 3AA,{'North' if n < 20 else 'South'},"
        for n in range(400)
    ]
    bi.more("id,name,born,postcode,ward,note\n" + "\n".join(lines) + "\n")
    bi.grant(ANN, {"name": CLEAR, "ward": CLEAR}, Condition("ward", ("North",)))
    bi.grant(NURSE, {"name": CLEAR, "ward": CLEAR}, Condition("ward", ("South",)))
    bi.publish()
    role = bi.role(ANN)
    with bi.reading(role) as con:
        plans = {
            str(
                con.execute(f"EXPLAIN SELECT * FROM {role}.adults_care_client WHERE name = '{name}'").fetchall()
            ).replace(name, "")
            for name in ("Zed Testperson", "Nobody")
        }
        assert len(plans) == 1
        told = "SELECT * FROM pg_stats WHERE most_common_vals::text || histogram_bounds::text ~ 'Testperson'"
        assert con.execute(told).fetchall() == []


def test_a_function_of_the_readers_own_is_told_of_no_row_that_somebody_else_sees(bi: Bi) -> None:
    bi.grant(ANN, {"name": CLEAR, "ward": CLEAR}, Condition("ward", ("North",)))
    bi.grant(NURSE, {"name": CLEAR, "ward": CLEAR}, Condition("ward", ("South",)))
    bi.publish()
    role, told = bi.role(ANN), list[str]()
    with bi.reading(role) as con:
        con.add_notice_handler(lambda said: told.append(str(said.message_primary)))
        # So cheap that the planner would ask it before any condition that is not a policy's.
        con.execute(
            "CREATE FUNCTION pg_temp.tells(t text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 "
            "AS $$BEGIN RAISE WARNING '%', t; RETURN true; END$$"
        )
        con.execute(f"SELECT * FROM {role}.adults_care_client WHERE pg_temp.tells(name)")
    assert sorted(told) == ["Ada Testperson", "Bo Testperson"]
