"""Files on an SFTP server: the server must be the one that it was, and what was fetched once is not fetched again."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from council import Council, begin, vestry
from servers.sftp import SftpServer, make_key, prepared
from vestry.ingest.sftp import Sftp

pytestmark = pytest.mark.slow

JOB = "bronze.repairs.job"


@pytest.fixture
def stopped(tmp_path: Path):
    with prepared(tmp_path / "sftp") as server:
        yield server


@pytest.fixture
def server(stopped: SftpServer):
    with stopped.running():
        yield stopped


def source(council: Council, server: SftpServer, more: str | None = None, files: str = '"*.csv"') -> None:
    lines = more if more is not None else f"key: ${{SFTP_KEY}}\nhost_key: {server.fingerprint}"
    council.source(
        "repairs",
        f"connector: files\npath: {server.url}\n{lines}\ntables:\n  job:\n    files: {files}\n",
    )
    council.write(".env", f"SFTP_KEY={server.key}\nSFTP_PASSWORD=Quillfeather-7\n")


def refs(council: Council) -> list[tuple[str, str]]:
    return council.rows(f"SELECT ref, _source FROM {JOB} ORDER BY ALL")


def failed(council: Council) -> str:
    outcome = council.run()[JOB]
    assert outcome.status == "failed"
    return str(outcome.error)


@pytest.fixture
def fetches(monkeypatch):
    """The names that were fetched."""
    seen: list[str] = []
    fetch = Sftp.fetch
    monkeypatch.setattr(Sftp, "fetch", lambda self, wanted: (seen.extend(wanted), fetch(self, wanted))[1])
    return seen


def test_files_load_once_and_are_fetched_once(council, server, fetches):
    source(council, server, files='["*.csv", "2024/**/*.csv"]')
    server.put("a.csv", "ref\nA1\n")
    server.put("2024/q1/b.csv", "ref\nB1\n")
    server.put("2023/c.csv", "ref\nC1\n")
    assert council.plan() == {JOB: "2 files to load"}
    assert fetches == []
    council.good()
    assert refs(council) == [("A1", "a.csv"), ("B1", "2024/q1/b.csv")]
    assert council.plan() == {}
    assert council.good()[JOB].status == "skipped"
    assert sorted(fetches) == ["2024/q1/b.csv", "a.csv"]


def test_without_the_cache_files_are_fetched_and_no_row_comes_twice(council, server, fetches):
    source(council, server)
    server.put("a.csv", "ref\nA1\n")
    council.good()
    (council.root / ".vestry" / "files.json").unlink()
    assert council.good()[JOB].status == "skipped"
    assert fetches == ["a.csv", "a.csv"]
    assert council.plan() == {}
    assert refs(council) == [("A1", "a.csv")]


def test_a_corrected_file_replaces_its_rows_and_only_it_is_fetched(council, server, fetches):
    source(council, server)
    server.put("a.csv", "ref\nA1\n")
    server.put("b.csv", "ref\nB1\n")
    council.good()
    fetches.clear()
    server.put("b.csv", "ref\nB2\n", age=1800)
    server.put("copy.csv", "ref\nA1\n")
    council.good()
    assert sorted(fetches) == ["b.csv", "copy.csv"]
    assert refs(council) == [("A1", "a.csv"), ("B2", "b.csv")]
    assert council.plan() == {}


def test_a_new_way_of_reading_fetches_again(council, server, fetches):
    source(council, server)
    server.put("a.csv", "ref,n\nA1,1\n")
    council.good()
    source(council, server, files='"*.csv"\n    columns: {job: [ref]}')
    council.good()
    assert council.rows(f"SELECT job FROM {JOB}") == [("A1",)]
    assert fetches == ["a.csv", "a.csv"]


def test_a_zip_on_the_server_is_opened(council, server):
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        out.writestr("in.csv", "ref\nZ1\n")
    source(council, server, files='"*.zip"')
    server.put("a.zip", buffer.getvalue())
    council.good()
    assert refs(council) == [("Z1", "a.zip/in.csv")]


def test_a_file_on_its_way_waits(council, server):
    source(council, server)
    server.put("a.csv", "ref\nA1\n")
    server.put("b.csv", "ref\nB1\n", age=1)
    server.put("c.csv.filepart", "ref\nC1\n")
    server.put(".d.csv", "ref\nD1\n")
    council.good()
    assert refs(council) == [("A1", "a.csv")]
    server.put("b.csv", "ref\nB1\nB2\n")
    council.good()
    assert refs(council) == [("A1", "a.csv"), ("B1", "b.csv"), ("B2", "b.csv")]


def test_a_server_whose_clock_is_an_hour_ahead_only_delays(council, server):
    source(council, server, more=f"key: ${{SFTP_KEY}}\nhost_key: {server.fingerprint}\nsettle: 1s")
    server.put("a.csv", "ref\nA1\n", age=-3600)
    assert council.plan() == {}
    time.sleep(1.1)
    council.good()
    assert refs(council) == [("A1", "a.csv")]
    assert council.plan() == {}


def test_a_file_that_grows_while_it_is_fetched_waits(council, server, monkeypatch):
    source(council, server)
    path = server.put("a.csv", "ref\nA1\n")
    fetch = Sftp.fetch

    def grown(self, wanted):
        fetch(self, wanted)
        with path.open("a") as file:
            file.write("A2\n")

    monkeypatch.setattr(Sftp, "fetch", grown)
    assert council.good()[JOB].status == "skipped"
    monkeypatch.setattr(Sftp, "fetch", fetch)
    then = time.time() - 600
    os.utime(path, (then, then))
    council.good()
    assert [r[0] for r in refs(council)] == ["A1", "A2"]


def test_a_host_key_that_is_not_known_is_refused_with_its_fingerprint(council, server):
    source(council, server, more=f"key: ${{SFTP_KEY}}\nknown_hosts: {server.home}/none")
    server.put("a.csv", "ref\nA1\n")
    said = failed(council)
    assert "is not known" in said and server.fingerprint in said and "by telephone" in said
    assert "sources/repairs.yaml" in said
    assert server.sessions == 0


@pytest.mark.slow
@pytest.mark.parametrize("by", ["host_key", "known_hosts"])
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_host_key_that_changed_is_refused_and_says_what_to_check(council, stopped, by, kind):
    server = stopped
    known = server.home / "known_hosts"
    known.write_text(server.known_host)
    trust = f"host_key: {server.fingerprint}" if by == "host_key" else f"known_hosts: {known}"
    source(council, server, more=f"key: ${{SFTP_KEY}}\n{trust}")
    server.put("a.csv", "ref\nA1\n")
    with server.running():
        council.good()
    server.new_host_key(kind)
    server.put("b.csv", "ref\nB1\n")
    sessions = server.sessions
    with server.running():
        said = failed(council)
    assert "is not the one that is known" in said and "somebody stands between" in said
    assert server.fingerprint in said
    assert server.sessions == sessions
    assert [r[0] for r in refs(council)] == ["A1"]


def test_of_several_host_keys_the_one_that_is_known_is_asked_for(council, stopped):
    source(council, stopped, more=f"key: ${{SFTP_KEY}}\nknown_hosts: {stopped.home}/known_hosts")
    (stopped.home / "known_hosts").write_text(stopped.known_host)
    make_key(stopped.home / "other_key", "ecdsa")
    with (stopped.home / "config").open("a") as config:
        config.write(f"HostKey {stopped.home}/other_key\n")
    stopped.new_host_key("rsa")
    (stopped.home / "known_hosts").write_text(stopped.known_host)
    stopped.put("a.csv", "ref\nA1\n")
    with stopped.running():
        council.good()


@pytest.mark.slow
def test_a_wrong_password_is_told_and_never_echoed(council, server):
    source(council, server, more=f"password: ${{SFTP_PASSWORD}}\nhost_key: {server.fingerprint}")
    done = council.cli("run")
    assert done.returncode == 1
    assert "refuses the user" in done.stdout + done.stderr
    traced = vestry("--trace", "run", "-C", str(council.root))
    assert "Traceback" in traced.stderr
    for text in (done.stdout, done.stderr, traced.stdout, traced.stderr):
        assert "Quillfeather" not in text
    assert council.run()[JOB].status == "failed"
    assert "Quillfeather" not in repr(council.events)


def test_a_key_that_the_server_does_not_know_is_told(council, server, tmp_path):
    source(council, server)
    make_key(tmp_path / "other")
    council.write(".env", f"SFTP_KEY={tmp_path}/other\n")
    assert "refuses the user" in failed(council)


def test_a_key_may_be_given_as_text_with_a_passphrase(council, server):
    make_key(server.key, passphrase="Quillfeather")
    source(council, server, more=f"key: ${{KEY}}\npassphrase: ${{PHRASE}}\nhost_key: {server.fingerprint}")
    server.put("a.csv", "ref\nA1\n")
    for phrase, good in (("wrong", False), ("Quillfeather", True)):
        os.environ.update(KEY=server.key.read_text(), PHRASE=phrase)
        try:
            outcome = council.run()[JOB]
        finally:
            del os.environ["KEY"], os.environ["PHRASE"]
        assert (outcome.status == "done") is good
        if outcome.error:
            assert "`passphrase` is wrong" in str(outcome.error) and "BEGIN" not in str(outcome.error)


def test_a_server_that_is_down_is_told_and_nothing_is_lost(council, stopped):
    source(council, stopped)
    stopped.put("a.csv", "ref\nA1\n")
    assert "no connection" in failed(council)
    with stopped.running():
        council.good()
    assert refs(council) == [("A1", "a.csv")]


def test_a_folder_that_is_not_there_is_told(council, server):
    source(council, server)
    server.folder.rmdir()
    assert "is not on the server" in failed(council)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("path: sftp://example.org/x\nkey: ${K}", "names no user"),
        ("path: sftp://u@example.org/x", "neither `password` nor `key`"),
        ("path: ftp://u@example.org/x", "no way to reach files by `ftp`"),
    ],
)
def test_settings_that_cannot_work_are_told(council, lines, said):
    council.source("repairs", f'connector: files\n{lines}\ntables:\n  job:\n    files: "*"\n')
    council.write(".env", "K=x\n")
    assert said in failed(council)


def test_a_password_opens_a_server(council, tmp_path):
    """asyncssh's own server: OpenSSH would ask for the password of a user of this machine."""
    import asyncssh

    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.csv").write_text("ref\nA1\n")
    os.utime(folder / "a.csv", (1e9, 1e9))
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()

    class Door(asyncssh.SSHServer):
        def begin_auth(self, username):
            return True

        def password_auth_supported(self):
            return True

        def validate_password(self, username, password):
            return (username, password) == ("council", "Quillfeather-7")

    async def serve():
        return await asyncssh.create_server(
            Door, "127.0.0.1", 0, server_host_keys=[key], sftp_factory=lambda c: asyncssh.SFTPServer(c, chroot=folder)
        )

    acceptor = loop.run_until_complete(serve())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        council.source(
            "repairs",
            f"""\
            connector: files
            path: sftp://council@127.0.0.1:{acceptor.get_port()}/
            password: ${{SFTP_PASSWORD}}
            host_key: {key.get_fingerprint()}
            tables:
              job: {{files: "*.csv"}}
            """,
        )
        council.write(".env", "SFTP_PASSWORD=Quillfeather-7\n")
        council.good()
        assert refs(council) == [("A1", "a.csv")]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        acceptor.close()
        loop.close()


@pytest.mark.slow
def test_a_load_that_is_killed_again_and_again_ends_with_every_row_once(council, server):
    source(council, server)
    for n in range(30):
        server.put(f"{n}.csv", "ref\n" + "".join(f"{n}-{row}\n" for row in range(2_000)))
    for seconds in (0.2, 0.6, 1.0, 1.4):
        process = begin("run", "-C", str(council.root))
        time.sleep(seconds)
        process.kill()
        process.wait()
    council.good()
    assert council.rows(f"SELECT count(*), count(DISTINCT ref), count(DISTINCT _source) FROM {JOB}") == [
        (60_000, 60_000, 30)
    ]
    assert council.plan() == {}
