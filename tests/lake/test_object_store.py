"""The lake in an object store: S3, as moto's server plays it."""

from __future__ import annotations

import pytest

from council import Council
from servers.s3 import running


@pytest.fixture
def bucket(monkeypatch):
    with running(monkeypatch) as bucket:
        yield bucket


@pytest.mark.slow
def test_a_project_may_keep_its_lake_in_s3(tmp_path, bucket, monkeypatch):
    monkeypatch.setenv("LAKE_SECRET", "Quillfeather")
    council = Council(
        tmp_path / "c",
        f"""
        [lake]
        location = "s3://council/lake"
        [lake.options]
        AWS_ENDPOINT_URL = "{bucket.url}"
        AWS_ALLOW_HTTP = "true"
        AWS_REGION = "eu-west-2"
        AWS_ACCESS_KEY_ID = "key"
        AWS_SECRET_ACCESS_KEY = "${{LAKE_SECRET}}"
        aws_conditional_put = "etag"
        """,
    )
    council.files()
    council.drop("a.csv", "ref,n\nA1,1\nA2,2,x,x\n")
    council.drop("b.csv", "ref,n\nB1,\n")
    rule = "quality: [{metric: nullValues, mustBe: 0, severity: quarantine}]"
    council.product(
        "housing.repairs",
        {"ref": "logicalType: string", "n": f"logicalType: integer, {rule}"},
        repair_sql="SELECT ref, n::INT AS n FROM bronze.repairs.job",
    )
    council.good()
    assert council.rows("SELECT ref, n FROM housing.repairs.repair") == [("A1", 1)]
    assert council.one("SELECT count(*) FROM housing.repairs.repair__quarantine") == 1
    assert council.one("SELECT count(*) FROM bronze.repairs.job__rejected") == 1
    assert council.plan() == {}
    council.drop("a.csv", "ref,n\nA1,5\n")
    council.good()
    assert council.rows("SELECT ref, n FROM housing.repairs.repair") == [("A1", 5)]
    assert council.rows("SELECT n FROM housing.repairs.repair AT (VERSION => 0)") == [(1,)]
    assert council.record("housing.repairs.repair")["rows"] == 1
    done = council.cli("history", "housing.repairs.repair", "--json")
    assert done.returncode == 0, done.stderr
    assert '"version": 1' in done.stdout
    assert not (council.root / "lake").exists()
    assert "Quillfeather" not in done.stdout + done.stderr
    compacted = council.cli("compact")
    assert compacted.returncode == 0, compacted.stderr
    assert council.plan() == {}
