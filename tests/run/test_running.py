"""What runs now is seen from another process, and a killed run leaves nothing that looks alive."""

from __future__ import annotations

import signal
import time

import pytest

from council import begin
from vestry.run.events import Event
from vestry.run.running import noted, running

pytestmark = pytest.mark.slow


def test_a_run_is_seen_while_it_goes_on_and_not_after(tmp_path):
    with noted(tmp_path, 3, lambda _: None) as told:
        told(Event("started", "r1", "a.b.c"))
        told(Event("done", "r1", "a.b.c"))
        told(Event("started", "r1", "a.b.d"))
        told(Event("failed", "r1", "a.b.d"))
        told(Event("started", "r1", "a.b.e"))
        (seen,) = running(tmp_path)
        assert (seen.run, seen.steps, seen.ended, seen.failed, list(seen.doing)) == ("r1", 3, 2, 1, ["a.b.e"])
    assert running(tmp_path) == [] and list((tmp_path / "running").iterdir()) == []


def test_a_run_with_nothing_to_do_leaves_no_note(tmp_path):
    with noted(tmp_path, 0, lambda _: None) as told:
        told(Event("finished", "r1"))
    assert not (tmp_path / "running").exists()


def test_a_run_in_another_process_is_seen_until_it_is_killed(repairs):
    repairs.write(
        "domains/housing/repairs/repair.py",
        'import time\n\nINPUTS = {"job": "bronze.repairs.job"}\n\n\ndef build(job):\n    time.sleep(60)\n    return job\n',
    )
    (repairs.root / "domains/housing/repairs/repair.sql").unlink()
    state = repairs.root / ".vestry"
    process = begin("run", "-C", str(repairs.root))
    end = time.monotonic() + 60
    while not any("housing.repairs.repair" in r.doing for r in running(state)):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    assert [(r.steps, r.ended) for r in running(state)] == [(2, 1)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert running(state) == []
