"""MQTT to queryable: 5,000 events a second for a minute, `vestry stream` killed three times, every event once."""

from __future__ import annotations

import getpass
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench import data

RATE, SECONDS = 5_000, 60
KILLS = (15.0, 30.0, 45.0)
CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
user {user}
persistence true
persistence_location {home}/
max_queued_messages 0
max_inflight_messages 2000
"""
SOURCE = """\
connector: mqtt
url: mqtt://127.0.0.1:{port}
protocol: "3.1.1"
tables:
  reading:
    topics: sensors/#
    columns: {{n: $.n, sent: $.sent}}
    batch_seconds: 5s
"""


def publish(port: int) -> None:
    """Send at the rate with QoS 1, until the broker has acknowledged everything.

    Packets of MQTT 3.1.1 as they are: a client library in Python would take the processor from what is measured.
    """
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04pubs")
        assert line.recv(4, socket.MSG_WAITALL) == b"\x20\x02\x00\x00"
        acknowledged = threading.Thread(target=_acknowledged, args=(line, RATE * SECONDS))
        acknowledged.start()
        began = time.time()
        for first in range(0, RATE * SECONDS, 50):
            time.sleep(max(0.0, began + first / RATE - time.time()))
            line.sendall(b"".join(_packet(n) for n in range(first, first + 50)))
        sent = time.time() - began
        acknowledged.join()
        line.sendall(b"\xe0\x00")
    print(json.dumps({"sent": sent, "acknowledged": time.time() - began}))


def _packet(n: int) -> bytes:
    topic = f"sensors/bin/{n % 977}".encode()
    payload = f'{{"n": {n}, "sent": {time.time():.6f}, "device": "bin-{n % 977}", "fill": {n % 101}}}'.encode()
    body = len(topic).to_bytes(2, "big") + topic + (n % 65_535 + 1).to_bytes(2, "big") + payload
    assert len(body) < 128
    return b"\x32" + bytes([len(body)]) + body


def _acknowledged(line: socket.socket, messages: int) -> None:
    left = 4 * messages
    while left:
        got = len(line.recv(65_536))
        assert got, "the broker has gone"
        left -= got


def measure() -> dict[str, float]:
    """What came out: seconds of sending, the delay of events from sent to committed, lost, doubled."""
    import duckdb

    home = data.WORK / "stream"
    shutil.rmtree(home, ignore_errors=True)
    project, broker = home / "project", home / "broker"
    (project / "sources").mkdir(parents=True)
    broker.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (project / "vestry.toml").write_text('[council]\nname = "Benchham"\n')
    (project / "sources/sensors.yaml").write_text(SOURCE.format(port=port))
    (broker / "mosquitto.conf").write_text(CONFIG.format(port=port, home=broker, user=getpass.getuser()))
    vestry = [Path(sys.executable).with_name("vestry"), "stream", "-C", project, "--log", "json"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(
        [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", broker / "mosquitto.conf"], **quiet
    )
    log = (home / "log").open("ab")
    listening = subprocess.Popen(vestry, stdout=log, stderr=log)
    committed: dict[int, float] = {}
    try:
        session = project / ".vestry/spool/sensors/reading/session.json"
        while not (session.exists() and "topics" in session.read_text()):
            time.sleep(0.1)
        sender = subprocess.Popen([sys.executable, "-m", "bench.stream", "publish", str(port)], stdout=subprocess.PIPE)
        began, kills = time.monotonic(), list(KILLS)
        table = project / "lake/bronze/sensors/reading/_delta_log"
        until = began + 240
        rows = 0
        while rows < RATE * SECONDS and time.monotonic() < until and not sender.poll():
            time.sleep(0.1)
            if kills and time.monotonic() - began > kills[0]:
                kills.pop(0)
                listening.send_signal(signal.SIGKILL)
                listening.wait()
                listening = subprocess.Popen(vestry, stdout=log, stderr=log)
            # When a commit was first seen: that is when a reader could have had its rows.
            for entry in table.glob("*.json"):
                version = int(entry.stem)
                if version not in committed:
                    committed[version] = time.time()
                    rows += sum(
                        json.loads(line["add"]["stats"])["numRecords"]
                        for line in map(json.loads, entry.read_text().splitlines())
                        if "add" in line and line["add"]["dataChange"]
                    )
        sending = json.loads(sender.communicate(timeout=120)[0])["sent"]
        time.sleep(3)  # what is doubled would come now
        listening.terminate()
        listening.wait(60)
    finally:
        for process in (listening, server):
            process.kill() if process.poll() is None else None
            process.wait()
    seen = []
    for entry in sorted(table.glob("*.json")):
        at = committed.get(int(entry.stem), time.time())
        for line in map(json.loads, entry.read_text().splitlines()):
            if "add" in line and line["add"]["dataChange"]:
                seen.append((str(table.parent / line["add"]["path"]), at))
    con = duckdb.connect()
    con.execute("CREATE TABLE event (n INTEGER, delay DOUBLE)")
    for file, at in seen:
        con.execute(f"INSERT INTO event SELECT n::INTEGER, {at} - sent::DOUBLE FROM read_parquet('{file}')")
    total, one, p50, p99, most = con.execute(
        "SELECT count(*), count(DISTINCT n), quantile_cont(delay, 0.5), quantile_cont(delay, 0.99), max(delay) "
        "FROM event"
    ).fetchone() or (0, 0, 0, 0, 0)
    return {
        "events_a_second": round(RATE * SECONDS / sending), "lost": RATE * SECONDS - one, "doubled": total - one,
        "p50": round(p50, 2), "p99": round(p99, 2), "most": round(most, 2),
    }  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["publish"]:
        publish(int(sys.argv[2]))
    else:
        print(json.dumps(measure()))
