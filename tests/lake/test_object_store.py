"""The lake in an object store: S3, as moto's server plays it."""

from __future__ import annotations

import pytest
from council import Council


@pytest.fixture
def bucket(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    import boto3

    boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", region_name="eu-west-2", aws_access_key_id="key",
        aws_secret_access_key="Quillfeather",
    ).create_bucket(Bucket="council", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})  # fmt: skip
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.slow
def test_a_project_may_keep_its_lake_in_s3(tmp_path, bucket, monkeypatch):
    monkeypatch.setenv("LAKE_SECRET", "Quillfeather")
    council = Council(
        tmp_path / "c",
        f"""
        [lake]
        location = "s3://council/lake"
        [lake.options]
        AWS_ENDPOINT_URL = "{bucket}"
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
