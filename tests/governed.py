"""A small council with personal data, and those who would read it: for tests of the gate and of the doors."""

from __future__ import annotations

from pathlib import Path

from council import Council
from vestry.governance.access.gate import Where
from vestry.governance.identity.user import User

PEOPLE = """\
id,name,born,postcode,ward,note
1,Ada Testperson,1950-05-01,WX1 1AA,North,calls on Mondays
2,Bo Testperson,1980-02-03,WX1 1AB,North,
3,Cy Testperson,2001-09-09,WX2 2AA,South,asked for a grab rail
"""
COLUMNS = {
    "id": "logicalType: string, primaryKey: true, required: true, classification: personal",
    "name": "logicalType: string, classification: personal",
    "born": "logicalType: date, classification: personal",
    "postcode": "logicalType: string, classification: personal",
    "ward": "logicalType: string, classification: internal",
    "note": "logicalType: string, classification: special",
}
RECIPE = "SELECT id, name, CAST(born AS DATE) AS born, postcode, ward, note FROM bronze.care.client"
DOOR = Where("sql")

ANN = User("u-ann", "Ann Analyst", roles=frozenset({"staff", "analyst"}))
NURSE = User("u-nia", "Nia Nurse", roles=frozenset({"staff", "special_category"}))
OWNER = User("u-olu", "Olu Owner", roles=frozenset({"staff", "owner"}), domains=frozenset({"adults"}))
OTHER = User("u-oz", "Oz Owner", roles=frozenset({"staff", "owner"}), domains=frozenset({"housing"}))
DPO = User("u-dee", "Dee Officer", roles=frozenset({"staff", "dpo"}))
STRANGER = User("u-sam", "Sam Stranger")
PARTNER = User("x-trust", "The trust", roles=frozenset({"partner"}))


def governed(root: Path, settings: str = "") -> Council:
    """The council, run: `adults.care.client` is about people, `adults.wards.ward` is not."""
    made = Council(root, settings)
    made.files("care", "client")
    made.drop("clients.csv", PEOPLE)
    made.product("adults.care", COLUMNS, client_sql=RECIPE)
    made.product(
        "adults.wards",
        {
            "ward": "logicalType: string, classification: internal",
            "name": "logicalType: string, classification: public",
        },
        ward_sql="SELECT DISTINCT ward, 'The ' || ward || ' ward' AS name FROM bronze.care.client",
    )
    made.good()
    return made
