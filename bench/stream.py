"""MQTT to queryable: 5,000 events a second for a minute, `vestry stream` killed three times, every event once."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from bench import data

RATE, SECONDS = 5_000, 60
KILLS = (15.0, 30.0, 45.0)
CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
user root
persistence true
persistence_location {home}/
max_queued_messages 0
max_inflight_messages 2000
"""
SOURCE = """\
connector: mqtt
url: mqtt://127.0.0.1:{port}
tables:
  reading:
    topics: sensors/#
    columns: {{n: $.n, sent: $.sent}}
    batch_seconds: 5s
"""


def publish(port: int) -> None:
    """Send at the rate, in a process of its own, and wait until the broker has everything."""
    import paho.mqtt.client as mqtt

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(2_000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    began, sent = time.time(), []
    for n in range(RATE * SECONDS):
        if n % 100 == 0:
            time.sleep(max(0.0, began + n / RATE - time.time()))
        payload = f'{{"n": {n}, "sent": {time.time():.6f}, "device": "bin-{n % 977}", "fill": {n % 101}}}'
        sent.append(client.publish(f"sensors/bin/{n % 977}", payload, qos=1))
    for message in sent:
        message.wait_for_publish(120)
    print(json.dumps({"seconds": time.time() - began}))
    client.disconnect()
    client.loop_stop()


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
    (broker / "mosquitto.conf").write_text(CONFIG.format(port=port, home=broker))
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
        while rows < RATE * SECONDS and time.monotonic() < until:
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
        sending = json.loads(sender.communicate(timeout=120)[0])["seconds"]
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
