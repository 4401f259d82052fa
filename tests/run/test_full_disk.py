"""A disk that is full while something is written: said in plain words, nothing lost, nothing left."""

from __future__ import annotations

import random

import pytest

from council import Council

JOB, REPAIR = "bronze.repairs.job", "housing.repairs.repair"


def rows(seed: int, count: int) -> str:
    chance = random.Random(seed)
    return "".join(f"{seed}-{n},{chance.getrandbits(256):x}\n" for n in range(count))


def limited(size: int) -> str:
    """The command where no file may grow beyond `size` bytes: the write fails as it does on a full disk."""
    limit = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    return f"{limit}\nfrom vestry.cli import main\nmain()"


@pytest.fixture
def jobs(council: Council) -> Council:
    council.files()
    council.drop("a.csv", "ref,text\n" + rows(1, 100))
    council.product(
        "housing.repairs",
        {"ref": "logicalType: string", "text": "logicalType: string"},
        repair_sql="SELECT ref, text || '-' || n AS text FROM bronze.repairs.job, range(1) AS r(n)",
    )
    council.good()
    return council


@pytest.mark.slow
@pytest.mark.parametrize("size", [1_000_000, 3_000, 500])
def test_a_load_on_a_full_disk_loads_nothing_and_the_next_one_all(jobs, size):
    before, files = jobs.versions(), set(jobs.folder(JOB).glob("*.parquet"))
    jobs.drop("b.csv", "ref,text\n" + rows(2, 60_000))
    full = jobs.cli("run", script=limited(size))
    assert full.returncode == 1, full.stderr
    assert "the disk is full" in full.stderr
    assert "Traceback" not in full.stderr
    after = jobs.versions()
    assert (after[JOB], after[REPAIR]) == (before[JOB], before[REPAIR])
    assert jobs.one(f"SELECT count(*) FROM {JOB}") == 100
    assert set(jobs.folder(JOB).glob("*.parquet")) == files
    assert not list((jobs.root / ".vestry" / "work").iterdir())
    good = jobs.cli("run")
    assert good.returncode == 0, good.stderr
    assert jobs.one(f"SELECT count(*) FROM {JOB}") == jobs.one(f"SELECT count(*) FROM {REPAIR}") == 60_100


@pytest.mark.slow
def test_a_build_on_a_full_disk_keeps_the_last_version(jobs):
    recipe = jobs.root / "domains/housing/repairs/repair.sql"
    text = recipe.read_text()
    recipe.write_text(text.replace("range(1)", "range(2000)").replace("text || '-' || n", "md5(text || n)"))
    files = set(jobs.folder(REPAIR).glob("*.parquet"))
    full = jobs.cli("run", script=limited(1_000_000))
    assert full.returncode == 1, full.stderr
    assert "the disk is full" in full.stderr
    assert "Traceback" not in full.stderr
    assert jobs.one(f"SELECT count(*) FROM {REPAIR}") == 100
    assert set(jobs.folder(REPAIR).glob("*.parquet")) == files
    assert jobs.cli("run").returncode == 0
    assert jobs.one(f"SELECT count(*) FROM {REPAIR}") == 200_000
