"""A small project without fault, which each test spoils in its own way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

FILES = {
    "vestry.toml": """
        [council]
        name = "Testshire"
        """,
    "sources/repairs.yaml": """
        connector: files
        path: incoming
        tables:
          job:
            files: "*.csv"
        """,
    "domains/housing/domain.yaml": """
        name: Housing
        owner: Ada Okafor
        """,
    "domains/housing/repairs/contract.yaml": """
        apiVersion: v3.1.0
        kind: DataContract
        id: housing-repairs
        version: 1.0.0
        status: active
        schema:
          - name: repair
            properties:
              - name: repair_id
                logicalType: string
                primaryKey: true
                required: true
              - name: uprn
                logicalType: string
              - name: reported_on
                logicalType: date
              - name: cost
                logicalType: number
                physicalType: DECIMAL(18,2)
                quality:
                  - name: no refunds
                    type: sql
                    query: SELECT count(*) FROM ${table} WHERE ${column} < 0
                    mustBe: 0
                    severity: quarantine
        """,
    "domains/housing/repairs/repair.sql": """
        SELECT
            job AS repair_id,
            uprn(uprn) AS uprn,
            uk_date(reported) AS reported_on,
            money(cost) AS cost
        FROM bronze.repairs.job
        """,
    "domains/housing/costs/contract.yaml": """
        apiVersion: v3.1.0
        kind: DataContract
        id: housing-costs
        version: 1.0.0
        status: active
        schema:
          - name: month
            properties:
              - name: month
                logicalType: date
              - name: cost
                logicalType: number
                physicalType: DECIMAL(18,2)
        """,
    "domains/housing/costs/month.sql": """
        SELECT
            date_trunc('month', reported_on)::DATE AS month,
            sum(cost) AS cost
        FROM housing.repairs.repair
        GROUP BY ALL
        """,
}


class Folder:
    """A project's folder that a test writes to."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, file: str, text: str | bytes) -> None:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).lstrip("\n").encode())

    def change(self, file: str, old: str, new: str) -> None:
        path = self.root / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "council")
    for file, text in FILES.items():
        made.write(file, text)
    return made


@pytest.fixture
def said() -> Callable[[Folder], list[str]]:
    """What a person reads of the faults that the files tell of, without the engine."""
    from vestry.project.check import examine

    def faults(folder: Folder) -> list[str]:
        return [str(fault) for fault in examine(folder.root, env={}).faults]

    return faults


@pytest.fixture
def bound() -> Callable[[Folder], list[str]]:
    """What a person reads of `vestry check`, with the engine."""
    from vestry.products.check import check

    def faults(folder: Folder) -> list[str]:
        return [str(fault) for fault in check(folder.root)]

    return faults
