"""The lake in an object store: S3, as moto's server plays it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

from council import Council


@pytest.fixture
def bucket(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    # A process of its own: reading a table's history keeps Python's lock while it waits for an answer.
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", url.rsplit(":", 1)[1]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="eu-west-2",
        aws_access_key_id="key",
        aws_secret_access_key="Quillfeather",
        config=Config(retries={"max_attempts": 1}, connect_timeout=2, read_timeout=10),
    )
    try:
        until = time.monotonic() + 60
        while True:
            try:
                client.create_bucket(Bucket="council", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
                break
            except BotoCoreError:
                assert time.monotonic() < until, "moto's server does not answer"
                time.sleep(0.2)
        yield url
    finally:
        server.kill()
        server.wait()


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
