"""Files in an object store: S3, as moto's server plays it."""

from __future__ import annotations

import time

import pytest

from council import Council, vestry
from servers.s3 import SECRET, Bucket, running
from vestry.ingest.objectstore import ObjectStore
from vestry.ingest.place import fits

JOB = "bronze.repairs.job"


@pytest.fixture
def bucket(monkeypatch):
    with running(monkeypatch) as bucket:
        yield bucket


def source(council: Council, bucket: Bucket, path: str = "s3://council/in", secret: str = SECRET) -> None:
    council.source(
        "repairs",
        f"""\
        connector: files
        path: {path}
        settle: 0s
        options:
          AWS_ENDPOINT_URL: "{bucket.url}"
          AWS_ALLOW_HTTP: "true"
          AWS_REGION: eu-west-2
          AWS_ACCESS_KEY_ID: key
          AWS_SECRET_ACCESS_KEY: ${{S3_SECRET}}
        tables:
          job: {{files: ["*.csv", "20*/*.csv"]}}
        """,
    )
    council.write(".env", f"S3_SECRET={secret}\n")


@pytest.mark.slow
def test_objects_load_once_and_are_fetched_once(council, bucket, monkeypatch):
    fetched: list[str] = []
    fetch = ObjectStore.fetch
    monkeypatch.setattr(ObjectStore, "fetch", lambda self, wanted: (fetched.extend(wanted), fetch(self, wanted))[1])
    source(council, bucket)
    bucket.put("in/a.csv", "ref\nA1\n")
    bucket.put("in/2024/b.csv", "ref\nB1\n")
    bucket.put("in/old/c.csv", "ref\nC1\n")
    bucket.put("other/d.csv", "ref\nD1\n")
    assert council.plan() == {JOB: "2 files to load"}
    council.good()
    rows = f"SELECT ref, _source FROM {JOB} ORDER BY ALL"
    assert council.rows(rows) == [("A1", "a.csv"), ("B1", "2024/b.csv")]
    assert council.plan() == {}
    time.sleep(1.1)  # a store's times are of whole seconds, and the file is as long as it was
    bucket.put("in/a.csv", "ref\nA2\n")
    assert council.plan() == {JOB: "1 file to load"}
    council.good()
    assert council.rows(rows) == [("A2", "a.csv"), ("B1", "2024/b.csv")]
    assert sorted(fetched) == ["2024/b.csv", "a.csv", "a.csv"]


@pytest.mark.slow
def test_a_bucket_that_is_not_there_is_told_without_secrets(council, bucket):
    source(council, bucket, "s3://nowhere/in")
    done = vestry("--trace", "run", "-C", str(council.root))
    assert done.returncode == 1
    assert "s3://nowhere/in does not give its files" in done.stdout + done.stderr
    assert "Traceback" in done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "glob", "fit"),
    [
        ("a.csv", "*.csv", True),
        ("x/a.csv", "*.csv", False),
        ("x/a.csv", "**/*.csv", True),
        ("a.csv", "**/*.csv", True),
        ("x/y/z/a.csv", "x/**/a.csv", True),
        ("x/y/a.csv", "*/a.csv", False),
        ("a1.csv", "a[0-9].csv", True),
        ("ab.csv", "a[!0-9].csv", True),
        ("a1.csv", "a[!0-9].csv", False),
        ("a+b.csv", "a+b.csv", True),
        ("aab.csv", "a+b.csv", False),
        ("a*b.csv", "a[*]b.csv", True),
        ("ab.csv", "a?b.csv", False),
        ("a.csvx", "*.csv", False),
        ("a\n.csv", "*.csv", True),
    ],
)
def test_globs_fit_as_they_do_in_a_folder(tmp_path, name, glob, fit):
    assert fits(name, glob) is fit
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert (path in set(tmp_path.glob(glob))) is fit
