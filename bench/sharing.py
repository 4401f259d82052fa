"""5 million rows by Delta Sharing, loaded by the official client over the loopback; and the same files from disk."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from urllib.request import urlopen

from bench import data
from vestry.project import TableName

ROOT = data.WORK / "sharing"
TABLE = TableName("finance", "ledger", "entry")
_COLUMNS = ("id", "name", "ref", "amount", "day", "category", "note", "uprn", "code")
_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: finance.ledger
version: 1.0.0
status: active
schema:
  - name: entry
    properties:
"""
_AGREEMENT = """\
name: The ledger for the auditor
parties: [Benchham, The auditor]
purpose: To audit the ledger
lawful_basis: public task
tables: {finance.ledger.entry: all}
starts: 2020-01-01
ends: 2099-01-01
review: 2098-01-01
"""


def project() -> Path:
    """The project, made once: the table is in the lake, and the auditor's profile in `auditor.share`."""
    from vestry.governance.access.grants import give
    from vestry.governance.access.terms import Terms
    from vestry.governance.access.treatment import Treatment
    from vestry.governance.recipients import add_recipient
    from vestry.governance.state import connect
    from vestry.run.workspace import Workspace

    if (ROOT / "secret").is_file():
        return ROOT
    shutil.rmtree(ROOT, ignore_errors=True)
    properties = "".join(f"      - {{name: {c}, classification: internal}}\n" for c in _COLUMNS)
    for name, text in {
        "vestry.toml": '[council]\nname = "Benchham"\n',
        "agreements/audit.yaml": _AGREEMENT,
        "domains/finance/domain.yaml": "name: Finance\nowner: Fi Bloggs\n",
        "domains/finance/ledger/contract.yaml": _CONTRACT + properties,
        "domains/finance/ledger/entry.sql": "SELECT 1 AS id",
    }.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text)
    workspace = Workspace.open(ROOT)
    with workspace.engine.cursor() as con:
        rows = workspace.lake.stage(con, TABLE, f"SELECT * FROM '{data.parquet()}'")
        workspace.lake.publish(rows)
    made = add_recipient(workspace.project, "auditor", "audit", "30d", "local")
    terms = Terms({TABLE: dict.fromkeys(_COLUMNS, Treatment.CLEAR)}, date(2099, 1, 1))
    with connect(workspace.project) as con:
        give(
            con,
            workspace.project,
            "recipient:auditor",
            "finance.ledger",
            "To audit the ledger",
            terms,
            ["local"],
            "audit",
        )
    workspace.close()
    (ROOT / "secret").write_text(made.secret)
    return ROOT


def loaded(delta: bool = False) -> float:
    """Seconds of the official client, from the profile to a pandas frame."""
    import delta_sharing

    root = project()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("vestry"), "serve", "-C", str(root), "--port", str(port)]
    served = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                urlopen(f"http://127.0.0.1:{port}/health").close()
                break
            except OSError:
                time.sleep(0.1)
        profile = delta_sharing.protocol.DeltaSharingProfile(
            1, f"http://127.0.0.1:{port}/sharing", (root / "secret").read_text()
        )
        table = delta_sharing.protocol.Table("entry", "audit", "finance-ledger")
        client = delta_sharing.rest_client.DataSharingRestClient(profile)
        started = time.perf_counter()
        frame = delta_sharing.reader.DeltaSharingReader(table, client, use_delta_format=delta).to_pandas()
        seconds = time.perf_counter() - started
    finally:
        served.terminate()
        served.wait()
    assert frame.shape == (data.ROWS, len(_COLUMNS)), frame.shape
    return seconds


def from_disk() -> float:
    """Seconds of the same client's own reading of a file, file by file from the disk, and of putting them together."""
    import json

    import pandas as pd
    from delta_sharing.converter import to_converters
    from delta_sharing.protocol import AddFile
    from delta_sharing.reader import DeltaSharingReader

    from vestry.run.workspace import Workspace

    table = Workspace.open(project()).lake.existing(TABLE)
    files = [AddFile(uri.removeprefix("file://"), uri, {}, 0) for uri in table.file_uris()]
    converters = to_converters(json.loads(table.schema().to_json()))
    started = time.perf_counter()
    parts = [DeltaSharingReader._to_pandas(file, converters, False, None, False) for file in files]
    frame = pd.concat(parts, axis=0, ignore_index=True, copy=False)
    seconds = time.perf_counter() - started
    assert frame.shape == (data.ROWS, len(_COLUMNS)), frame.shape
    return seconds
