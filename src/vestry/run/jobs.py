"""Durable jobs: DBOS runs each as a workflow, whose steps are a load or a build of one table each.

After a kill, whoever takes the worker's place goes on with its runs: steps that ended are not done again, and the one
in flight is, which is safe because a load or a build knows by its marks what it has done. Nothing is sent anywhere.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from vestry.run.schedule import Job
from vestry.run.state import WORKFLOW

_QUEUE = "vestry"
#: Runs are resumed only by the version that began them: it says how jobs are kept, not what recipes do.
VERSION = "1"
#: A run that has brought so many workers down is given up.
_ATTEMPTS = 8
#: Does one step of a job, and says whether it went well.
Perform = Callable[[Job, str], bool]


class Jobs:
    """DBOS, in this process. `poll` is how often it looks at the queue, in seconds."""

    def __init__(self, url: str, place: str, parallel: int, perform: Perform, poll: float) -> None:
        from dbos import DBOS

        self._dbos = DBOS
        self._perform = perform
        self._stopping = threading.Event()
        self._active = 0
        self._changed = threading.Condition()
        DBOS(
            config={
                "name": "vestry",
                "system_database_url": url,
                "application_version": VERSION,
                "executor_id": place,
                "log_level": "CRITICAL",
                "use_listen_notify": False,
            }
        )

        @DBOS.step(name="step")
        def step(plain: dict[str, Any], table: str) -> bool:
            return self._step(plain, table)

        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=_ATTEMPTS)
        def run(plain: dict[str, Any]) -> None:
            failed = [table for table in plain["tables"] if not step(plain, table)]
            if failed:
                raise RuntimeError(f"{len(failed)} steps failed")  # so that DBOS keeps it as failed

        DBOS.launch()
        DBOS.register_queue(_QUEUE, worker_concurrency=parallel, polling_interval_sec=poll, on_conflict="always_update")

    def begin(self, job: Job) -> None:
        """Put a job in the queue; where another worker was first, it stays the one."""
        self._dbos.enqueue_workflow_with_options(
            {
                "workflow_name": WORKFLOW,
                "queue_name": _QUEUE,
                "workflow_id": job.id,
                "app_version": VERSION,
                "attributes": job.as_json(),
            },
            job.as_json(),
        )

    def resume(self, place: str) -> None:
        """Put the runs of a worker that is gone back in the queue."""
        self._dbos._recover_pending_workflows([place])

    def forget(self, ids: Sequence[str]) -> None:
        self._dbos.delete_workflows(list(ids))

    def close(self) -> None:
        """End what nothing waits for."""
        self._dbos.destroy(destroy_registry=True)

    def stop(self) -> None:
        """Let the steps that run end, and begin no other; the process is to end then, for runs wait between steps."""
        self._stopping.set()
        with self._changed:
            self._changed.wait_for(lambda: not self._active)

    def _may_begin(self) -> bool:
        with self._changed:
            self._active += not self._stopping.is_set()
            return not self._stopping.is_set()

    def _step(self, plain: dict[str, Any], table: str) -> bool:
        while not self._may_begin():
            time.sleep(3600)  # until the process ends: what returned would count as done
        try:
            return self._perform(Job.of_json(plain), table)
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()
