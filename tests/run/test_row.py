"""`vestry show TABLE KEY`: one row, and what belongs to it."""

from __future__ import annotations

import json

import pytest

from council import Council

pytestmark = pytest.mark.slow

_CLAIMS = """
  - name: claim
    description: One row for each claim.
    properties:
      - {name: claim_id, logicalType: string, primaryKey: true}
      - {name: status, logicalType: string}
  - name: evidence
    description: The audit pack.
    properties:
      - {name: claim_id, logicalType: string, primaryKey: true, primaryKeyPosition: 1}
      - {name: line, logicalType: integer, primaryKey: true, primaryKeyPosition: 2}
      - {name: says, logicalType: string}
  - name: note
    description: Of no claim.
    properties:
      - {name: says, logicalType: string}
"""


@pytest.fixture
def claims(council: Council) -> Council:
    council.product(
        "families.support",
        _CLAIMS,
        claim_sql="SELECT * FROM (VALUES ('SF/1', 'can be claimed'), ('SF/2', 'too early')) AS c(claim_id, status)",
        evidence_sql="SELECT c.claim_id, 3 - i AS line, 'record ' || i AS says "
        "FROM families.support.claim AS c, range(1, 3) AS r(i)",
        note_sql="SELECT 'a note' AS says",
    )
    council.good()
    return council


def test_a_row_is_shown_with_the_rows_that_belong_to_it_in_their_order(claims: Council) -> None:
    shown = claims.cli("show", "families.support.claim", "SF/1")
    assert shown.returncode == 0, shown.stderr
    assert "can be claimed" in shown.stdout and "too early" not in shown.stdout
    assert shown.stdout.index("1 · record 2") < shown.stdout.index("2 · record 1")
    assert "The audit pack." in shown.stdout and "a note" not in shown.stdout


def test_a_row_as_json_has_its_parts(claims: Council) -> None:
    found = json.loads(claims.cli("show", "families.support.claim", "SF/2", "--json").stdout)
    assert found["row"] == {"claim_id": "SF/2", "status": "too early"}
    assert [p["table"] for p in found["parts"]] == ["families.support.evidence"]
    assert [r["line"] for r in found["parts"][0]["rows"]] == [1, 2]


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (("families.support.claim", "SF/9"), "has no row with that key"),
        (("families.support.evidence", "SF/1"), "`claim_id` and `line`"),
        (("families.support.note", "x"), "promises no key"),
        (("families.support.clam", "x"), "families.support.claim"),
    ],
)
def test_a_row_that_cannot_be_named_says_why(claims: Council, args: tuple[str, ...], what: str) -> None:
    shown = claims.cli("show", *args)
    assert shown.returncode and what in shown.stderr and "Traceback" not in shown.stderr


def test_whoever_reads_only_the_beginning_of_an_answer_gets_no_error(claims: Council) -> None:
    import subprocess

    from council import command

    ask = ["query", "-C", str(claims.root), "--format", "csv", "SELECT range AS n FROM range(300000)"]
    process = subprocess.Popen(command(*ask), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
