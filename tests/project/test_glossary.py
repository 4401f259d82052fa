"""The glossary: terms, their words, and the columns that carry them."""

from __future__ import annotations

from council import Council
from vestry.project.check import check


def faults(council: Council) -> list[str]:
    return [f"{f.where}: {f.what}" for f in check(council.root) if f.file == "glossary.yaml"]


def test_a_good_glossary_has_no_faults(repairs):
    repairs.write(
        "glossary.yaml",
        """\
        terms:
          uprn:
            name: Unique property reference number
            definition: The number of an addressable place.
            synonyms: [UPRN, property number]
            columns: [uprn]
          repair:
            name: Repair
            definition: A job in a home.
            related: uprn
            columns: housing.repairs.repair.job
        """,
    )
    assert faults(repairs) == []


def test_a_term_twice_is_told_whether_by_its_key_its_name_or_a_synonym(council):
    council.write("glossary.yaml", "terms:\n  a: {name: A, definition: x}\n  a: {name: B, definition: y}\n")
    assert faults(council) == ["glossary.yaml:3: the key `a` stands twice"]
    council.write(
        "glossary.yaml",
        "terms:\n  a: {name: Tenant, definition: x}\n  b: {name: 'tenant ', definition: y}\n"
        "  c: {name: C, definition: z, synonyms: [TENANT, other, Other]}\n",
    )
    assert faults(council) == [
        "glossary.yaml:3: `tenant ` is a word for `a` already",
        "glossary.yaml:4: `Other` stands twice",
        "glossary.yaml:4: `TENANT` is a word for `a` already",
    ]


def test_what_a_term_names_must_be_there(repairs):
    repairs.write(
        "glossary.yaml",
        """\
        terms:
          a:
            name: A
            definition: x
            broader: [bb]
            columns: [housing.repairs.repair.jobb, housing.repairs.repairs.job, x.y, bronze.repairs.job.uprn]
          b: {name: B, definition: y}
        """,
    )
    assert faults(repairs) == [
        "glossary.yaml:6: `terms.a.columns` must be the name of a column, such as uprn, or "
        "domain.product.table.column for one table's; `x.y` is none"
    ]
    repairs.write("glossary.yaml", (repairs.root / "glossary.yaml").read_text().replace(" x.y,", ""))
    assert faults(repairs) == [
        "glossary.yaml:5: there is no term `bb`",
        "glossary.yaml:6: the table housing.repairs.repair has no column `jobb`",
        "glossary.yaml:6: there is no table housing.repairs.repairs",
    ]


def test_a_column_carries_one_term(council):
    council.write(
        "glossary.yaml",
        "terms:\n  a: {name: A, definition: x, columns: n}\n  b: {name: B, definition: y, columns: n}\n",
    )
    assert faults(council) == ["glossary.yaml:3: the column `n` carries `a` already"]
