"""What is due, and when, by what is known: nothing is run here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vestry.project import TableName
from vestry.run.graph import Graph, Step
from vestry.run.plan import Decision
from vestry.run.schedule import BUILD, LOAD, Job, Run, Subject, builds_due, loads_due, next_time

NIGHT = datetime(2026, 1, 10, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def name(text: str) -> TableName:
    return TableName.parse(text)


ACCOUNT, TENANT = name("bronze.academy.account"), name("bronze.northgate.tenant")
BILL, DEBT, LETTER = name("revenues.tax.bill"), name("revenues.debt.debt"), name("revenues.tax.letter")
GRAPH = Graph(
    {
        ACCOUNT: Step(ACCOUNT, "load"),
        TENANT: Step(TENANT, "load"),
        BILL: Step(BILL, "build", (ACCOUNT,)),
        DEBT: Step(DEBT, "build", (BILL, TENANT)),
        LETTER: Step(LETTER, "build", (DEBT, BILL)),
    }
)
TAX, DEBTS = (
    Subject(BUILD, "revenues.tax", "changes", (BILL, LETTER)),
    Subject(BUILD, "revenues.debt", "changes", (DEBT,)),
)
NIGHTLY = Subject(LOAD, "academy", "0 2 * * *", (ACCOUNT,), retries=2)
EAGER = Subject(LOAD, "academy", "changes", (ACCOUNT,), retries=2)


def ran(
    subject: Subject,
    status: str = "done",
    ended: datetime = NIGHT,
    due: datetime | None = None,
    failures: int = 0,
    state: int = 0,
    number: int = 7,
) -> Run:
    job = Job(subject.key, number, tuple(map(str, subject.tables)), "why", due, state, failures)
    return Run(job, status, ended - MINUTE, ended - MINUTE, ended if status in ("done", "failed") else None)


def loads(subject: Subject, last: Run | None, now: datetime, news: str | None = "1 file to load") -> list[Job]:
    return list(loads_due([subject], {last.job.subject: last} if last else {}, now, lambda _: news))


def test_a_source_is_loaded_at_its_time_and_not_again_until_the_next():
    (job,) = loads(NIGHTLY, None, NIGHT)
    assert (job.id, job.due, job.why) == ("load/academy/1", datetime(2026, 1, 10, 2, tzinfo=UTC), "its time, 02:00")
    done = ran(NIGHTLY, due=job.due)
    assert loads(NIGHTLY, done, NIGHT + timedelta(hours=22)) == []
    (following,) = loads(NIGHTLY, done, NIGHT + timedelta(hours=23))
    assert (following.number, following.due) == (8, datetime(2026, 1, 11, 2, tzinfo=UTC))


def test_times_that_were_missed_are_made_up_for_once():
    back = NIGHT + timedelta(days=9)
    (job,) = loads(NIGHTLY, ran(NIGHTLY, due=NIGHT - timedelta(hours=1)), back)
    assert job.due == datetime(2026, 1, 19, 2, tzinfo=UTC)
    assert loads(NIGHTLY, ran(NIGHTLY, due=job.due, ended=back), back + MINUTE) == []


@pytest.mark.parametrize("status", ["queued", "running"])
def test_one_run_of_a_source_at_a_time(status):
    assert loads(NIGHTLY, ran(NIGHTLY, status, due=NIGHT - timedelta(days=3)), NIGHT) == []
    assert loads(EAGER, ran(EAGER, status), NIGHT) == []


def test_a_source_that_follows_changes_is_loaded_when_it_has_news():
    assert loads(EAGER, None, NIGHT, news=None) == []
    assert loads(EAGER, ran(EAGER), NIGHT)[0].why == "1 file to load"


def test_a_failure_is_tried_again_later_and_later_and_at_last_told():
    due, now, failures, pauses, quiet = NIGHT - timedelta(hours=1), NIGHT, 0, [], []
    for _ in range(2):
        last = ran(NIGHTLY, "failed", ended=now, due=due, failures=failures)
        when = next_time(NIGHTLY, last, now)
        assert when is not None
        pauses.append((when - now) // MINUTE)
        assert loads(NIGHTLY, last, when - timedelta(seconds=1)) == []
        (job,) = loads(NIGHTLY, last, when)
        now, failures = when, job.failures
        quiet.append(job.quiet)
    assert (pauses, quiet) == ([1, 2], [True, False])
    spent = ran(NIGHTLY, "failed", ended=now, due=due, failures=failures)
    assert next_time(NIGHTLY, spent, now) == datetime(2026, 1, 11, 2, tzinfo=UTC)


def test_a_source_that_follows_changes_is_asked_again_at_least_each_hour():
    last = ran(EAGER, "failed", failures=40)
    assert next_time(EAGER, last, NIGHT) == NIGHT + timedelta(hours=1)


def builds(
    wanted: dict[TableName, str],
    last: dict[str, Run] | None = None,
    busy: set[TableName] = frozenset(),
    now: datetime = NIGHT,
    absent: set[TableName] = frozenset(),
    state: int = 5,
    subjects: tuple[Subject, ...] = (TAX, DEBTS),
) -> dict[str, tuple[str, ...]]:  # type: ignore[assignment]
    decisions = [Decision(GRAPH.steps[n], (wanted[n],) if n in wanted else ()) for n in GRAPH.order]
    states = lambda n: None if n in absent else state  # noqa: E731
    jobs = builds_due(subjects, last or {}, now, GRAPH, decisions, states, busy)
    return {job.subject: job.tables for job in jobs}


def test_a_product_is_built_when_its_inputs_changed():
    assert builds({BILL: "changed"}) == {"build/revenues.tax": (str(BILL),)}
    assert builds({}) == {}


def test_a_table_waits_for_those_that_it_follows_and_no_more():
    assert builds({BILL: "changed", DEBT: "built first", LETTER: "built first"}) == {"build/revenues.tax": (str(BILL),)}
    assert builds({DEBT: "changed", LETTER: "built first"}) == {"build/revenues.debt": (str(DEBT),)}
    assert builds({BILL: "changed", LETTER: "built first"}) == {"build/revenues.tax": (str(BILL), str(LETTER))}


def test_a_build_waits_for_loads_and_builds_that_are_under_way():
    assert builds({DEBT: "changed"}, busy={TENANT}) == {}
    assert builds({DEBT: "changed"}, busy={BILL}) == {}
    assert builds({BILL: "changed"}, busy={TENANT}) == {"build/revenues.tax": (str(BILL),)}


def test_a_build_waits_until_what_it_reads_is_there():
    assert builds({BILL: "not built yet"}, absent={BILL}) == {}


def test_a_build_that_failed_is_tried_at_once_only_with_other_inputs():
    failed = {TAX.key: ran(TAX, "failed", state=_state(5))}
    assert builds({BILL: "changed"}, failed) == {}
    assert builds({BILL: "changed"}, failed, now=NIGHT + MINUTE) == {TAX.key: (str(BILL),)}
    assert builds({BILL: "changed"}, failed, state=6) == {TAX.key: (str(BILL),)}


def test_a_build_with_nothing_to_do_is_not_begun_again_and_again():
    assert builds({BILL: "changed"}, {TAX.key: ran(TAX, state=_state(5))}) == {}


def test_a_product_with_times_of_its_own_is_built_at_them():
    timed = Subject(BUILD, "revenues.tax", "0 1 * * *", (LETTER, BILL))
    assert builds({BILL: "changed"}, subjects=(timed,)) == {timed.key: (str(BILL), str(LETTER))}
    done = {timed.key: ran(timed, due=datetime(2026, 1, 10, 1, tzinfo=UTC))}
    assert builds({BILL: "changed"}, done, subjects=(timed,)) == {}


def test_a_job_survives_being_written_down():
    job = Job("load/academy", 3, ("bronze.academy.account",), "why", NIGHT, 2**63 + 1, 2, quiet=True)
    assert Job.of_json(job.as_json()) == job


def _state(state: int) -> int:
    from vestry.ingest.fingerprints import number

    return number((str(BILL), state))
