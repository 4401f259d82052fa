"""What a publication is for those who read meanwhile, and when it is broken off."""

from __future__ import annotations

import signal
import subprocess
import threading
import time

import psycopg
import pytest
from bi import CLEAR, Bi

from council import command
from governed import ANN
from vestry.project import DataError
from vestry.serve.postgres import server

pytestmark = pytest.mark.slow


def town(ward: str, people: int = 300) -> str:
    """A council all of whose clients live in one ward."""
    lines = (f"{n},P{n} Testperson,1990-01-01,WX3 3AA,{ward}," for n in range(people))
    return "\n".join(["id,name,born,postcode,ward,note", *lines]) + "\n"


def test_who_reads_in_a_loop_never_misses_a_table_or_sees_half(bi: Bi) -> None:
    bi.more(town("W0"))
    bi.grant(ANN, {"name": CLEAR, "ward": CLEAR})
    bi.publish()
    role, stop = bi.role(ANN), threading.Event()
    sql = (
        f"SELECT count(*), count(DISTINCT c.ward), max(c.ward), (SELECT max(w.ward) FROM vestry.adults_wards_ward w) "
        f"FROM {role}.adults_care_client c"
    )
    seen: list[tuple[object, ...]] = []
    failed: list[Exception] = []

    def loop() -> None:
        try:
            with bi.reading(role) as con:
                while not stop.is_set():
                    seen.extend(con.execute(sql).fetchall())
        except psycopg.Error as error:
            failed.append(error)

    reader = threading.Thread(target=loop)
    reader.start()
    try:
        for step in range(1, 4):
            bi.more(town(f"W{step}"))
            bi.publish()
    finally:
        stop.set()
        reader.join(30)
    assert not failed
    assert {(300, 1, "W0", "W0"), (300, 1, "W3", "W3")} <= set(seen)
    # Of both tables always the same state: they are swapped together.
    assert all(count == 300 and wards == 1 and one == other for count, wards, one, other in seen)


def test_a_publication_that_is_killed_before_the_swap_leaves_yesterdays(bi: Bi) -> None:
    bi.publish()
    bi.more(town("W1"))
    sql = "SELECT max(ward) FROM vestry.adults_wards_ward"
    with bi.reading("vestry_staff") as con, con.transaction():
        con.execute(sql)  # holds the view, so the swap waits
        work = subprocess.Popen([*command("publish", "-C", str(bi.council.root))], stderr=subprocess.DEVNULL)
        waits = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vestry publish' "
            f"AND datname = '{bi.database}' AND wait_event_type = 'Lock'"
        )
        until = time.monotonic() + 60
        while bi.admin(waits) == [(0,)]:
            assert work.poll() is None and time.monotonic() < until
            time.sleep(0.02)
        work.send_signal(signal.SIGKILL)
        work.wait(30)
        # While it waited, and after: others read what was published last.
        assert bi.rows("vestry_staff", sql) == [("South",)]
    assert bi.rows("vestry_staff", sql) == [("South",)]
    assert len(bi.physical()) == 2
    there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vestry publish'"
    while bi.admin(there) != [(0,)]:  # until the server has noticed that it is alone
        assert time.monotonic() < until
        time.sleep(0.05)
    assert bi.publish().sent == (("adults.wards.ward", 1),)
    assert bi.rows("vestry_staff", sql) == [("W1",)]
    assert len(bi.physical()) == 1


def test_somebody_who_reads_on_and_on_keeps_yesterdays_and_it_is_told(bi: Bi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_TRIES", 2)
    monkeypatch.setattr(server, "_PAUSE", 0.1)
    bi.publish()
    bi.more(town("W1"))
    sql = "SELECT max(ward) FROM vestry.adults_wards_ward"
    with bi.reading("vestry_staff") as con, con.transaction():
        con.execute(sql)
        with pytest.raises(DataError, match="reads in one long transaction"):
            bi.publish()
        assert bi.rows("vestry_staff", sql) == [("South",)]
    bi.publish()
    assert bi.rows("vestry_staff", sql) == [("W1",)]


def test_two_publications_to_one_place_do_not_run_at_once(bi: Bi) -> None:
    from vestry.serve.postgres.books import alone

    with (
        server.connected(bi.server) as con,
        alone(con, bi.server),
        pytest.raises(DataError, match="another `vestry publish` is at work"),
    ):
        bi.publish()


def test_columns_that_change_are_swapped_with_what_others_built_on_them(bi: Bi) -> None:
    bi.publish()
    bi.admin("CREATE VIEW public.report AS SELECT count(*) FROM vestry.adults_wards_ward")
    bi.more(town("W1"))
    bi.publish()  # the same columns: what stands on them stays
    assert bi.admin("SELECT * FROM public.report") == [(1,)]
    contract = bi.council.root / "domains/adults/wards/contract.yaml"
    contract.write_text(contract.read_text().replace("name: ward,", "name: area,", 1))
    bi.council.write(
        "domains/adults/wards/ward.sql", "SELECT DISTINCT ward AS area, ward AS name FROM bronze.care.client"
    )
    bi.council.good()
    with pytest.raises(DataError, match=r"built a view on `vestry\.adults_wards_ward`"):
        bi.publish()
    bi.admin("DROP VIEW public.report")
    bi.publish()
    assert bi.rows("vestry_staff", "SELECT area FROM vestry.adults_wards_ward") == [("W1",)]
