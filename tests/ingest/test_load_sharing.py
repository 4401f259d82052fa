"""A partner's Delta Share to bronze."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from council import Council, vestry
from servers.sharing import SharingServer

pytestmark = pytest.mark.slow

REFERRAL = "bronze.nhs.referral"
NAME = "trust.community.referral"


@pytest.fixture
def server(tmp_path: Path):
    made = SharingServer({NAME: tmp_path / "shared"}).start()
    yield made
    made.stop()


def rows(*pairs: tuple[int, str]) -> pa.Table:
    ids, states = zip(*pairs, strict=True)
    return pa.table({"id": pa.array(ids, pa.int64()), "state": states, "year": [2024 + i % 2 for i in ids]})


def share(server: SharingServer, *pairs: tuple[int, str], **more) -> DeltaTable:
    folder = server.tables[NAME]
    write_deltalake(
        str(folder),
        rows(*pairs),
        mode="append",
        partition_by=["year"],
        configuration={"delta.enableChangeDataFeed": "true"},
        **more,
    )
    return DeltaTable(str(folder))


def source(council: Council, server: SharingServer, extra: str = "", name: str = NAME) -> None:
    profile = server.profile(council.root / "profile.share")
    council.source(
        "nhs",
        f"connector: delta_sharing\nprofile: {profile}\ntables:\n  referral: {{table: {name}{extra}}}\n",
    )


def referrals(council: Council) -> list[tuple[object, ...]]:
    return council.rows(f"SELECT id, state, year FROM {REFERRAL} ORDER BY ALL")


def failed(council: Council) -> str:
    outcome = council.run()[REFERRAL]
    assert outcome.status == "failed"
    return str(outcome.error)


def test_the_partners_table_is_taken_whole_and_only_when_its_version_changes(council, server):
    share(server, (1, "new"), (2, "new"), (3, "seen"))
    source(council, server)
    council.good()
    assert referrals(council) == [(1, "new", 2025), (2, "new", 2024), (3, "seen", 2025)]
    record = council.record(REFERRAL)
    assert (record["rows_in"], record["loaded"], record["parts"][0]["version"]) == (3, 3, 0)
    server.asked.clear()
    assert council.plan() == {}
    assert server.asked == ["GET /delta/shares/trust/schemas/community/tables/referral/version"]
    DeltaTable(str(server.tables[NAME])).delete("id = 2")
    assert council.plan() == {REFERRAL: "the partner's table is at version 1, and ours at 0"}
    council.good()
    assert referrals(council) == [(1, "new", 2025), (3, "seen", 2025)]


def test_a_new_version_with_the_same_rows_builds_nothing(council, server):
    table = share(server, (1, "new"))
    share(server, (3, "new"))
    source(council, server)
    council.good()
    before = council.one(f"SELECT max(_loaded_at) FROM {REFERRAL}")
    table.optimize.compact()
    assert council.good()[REFERRAL].status == "skipped"
    assert council.one(f"SELECT max(_loaded_at) FROM {REFERRAL}") == before
    assert council.plan() == {}


def test_changes_are_added_each_once(council, server):
    table = share(server, (1, "new"), (2, "new"))
    source(council, server, ", changes: true")
    council.good()
    table = DeltaTable(str(server.tables[NAME]))
    table.update(predicate="id = 1", updates={"state": "'seen'"})
    table.delete("id = 2")
    share(server, (4, "new"))
    council.good()
    feed = f"SELECT id, state, year, _change_type, _commit_version FROM {REFERRAL} ORDER BY _commit_version, id, 4 DESC"
    assert council.rows(feed) == [
        (1, "new", 2025, "insert", 0),
        (2, "new", 2024, "insert", 0),
        (1, "new", 2025, "update_preimage", 1),
        (1, "seen", 2025, "update_postimage", 1),
        (2, "new", 2024, "delete", 2),
        (4, "new", 2024, "insert", 3),
    ]
    assert (
        council.one(f"SELECT count(*) FROM {REFERRAL} WHERE (_commit_timestamp IS NULL) <> (_commit_version = 0)") == 0
    )
    assert council.plan() == {}
    assert council.good()[REFERRAL].status == "skipped"
    product = "{from: bronze.nhs.referral, key: id, order_by: [_commit_version, \"_change_type <> 'update_preimage'\"], deleted_when: \"_change_type = 'delete'\"}"
    council.product(
        "health.nhs",
        {"id": "logicalType: integer, primaryKey: true", "state": "logicalType: string"},
        referral_snapshot=product,
    )
    council.good()
    assert council.rows("SELECT id, state FROM health.nhs.referral ORDER BY id") == [(1, "seen"), (4, "new")]


def test_a_partner_without_a_change_feed_is_told(council, server):
    write_deltalake(str(server.tables[NAME]), rows((1, "new")))
    source(council, server, ", changes: true")
    council.good()
    write_deltalake(str(server.tables[NAME]), rows((2, "new")), mode="append")
    assert "does not offer the changes" in failed(council)
    assert [r[0] for r in referrals(council)] == [1]


def test_columns_that_come_later_are_null_before(council, server):
    share(server, (1, "new"))
    write_deltalake(
        str(server.tables[NAME]),
        pa.table({"id": pa.array([2], pa.int64()), "state": ["new"], "year": [2024], "ward": ["B4"]}),
        mode="append",
        schema_mode="merge",
    )
    source(council, server)
    council.good()
    assert council.rows(f"SELECT id, ward FROM {REFERRAL} ORDER BY id") == [(1, None), (2, "B4")]


def test_what_is_nested_is_kept_as_json(council, server):
    rows = pa.table({"id": [1], "address": [{"line": "1 High Street", "uprn": 100}], "tags": [["a", "b"]]})
    write_deltalake(str(server.tables[NAME]), rows)
    source(council, server)
    council.good()
    assert council.rows(f"SELECT address->>'line', tags FROM {REFERRAL}") == [("1 High Street", ["a", "b"])]


def test_an_empty_table_is_a_table(council, server):
    share(server, (1, "new")).delete()
    source(council, server)
    council.good()
    assert referrals(council) == []


def test_addresses_that_ran_out_are_asked_for_again(council, server):
    share(server, (1, "new"), (2, "new"))
    share(server, (3, "new"))
    source(council, server)
    refused: list[str] = []

    def spoil(path: str):
        if path.startswith("/files/") and path not in refused and len(refused) < 2:
            refused.append(path)
            return 403, {}, b"Request has expired"
        return None

    server.spoil = spoil
    council.good()
    assert [r[0] for r in referrals(council)] == [1, 2, 3]
    assert len(refused) == 2


def test_addresses_that_are_never_good_end_in_words(council, server):
    share(server, (1, "new"))
    server.lifetime = -1
    source(council, server)
    said = failed(council)
    assert "run out too soon" in said and "X-Amz" not in said


def test_a_file_that_does_not_come_whole_is_fetched_again(council, server):
    share(server, (1, "new"))
    source(council, server)
    first = [True]

    def spoil(path: str):
        if path.startswith("/files/") and first:
            first.clear()
            return 200, {}, b"PAR1"
        return None

    server.spoil = spoil
    council.good()
    assert referrals(council) == [(1, "new", 2025)]


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {"delta-table-version": "0"}, b"<html>log in</html>"),
        (200, {"delta-table-version": "0"}, b'{"protocol": {"minReaderVersion": 1}}\n{"metaDa'),
        (200, {}, b""),
    ],
)
def test_an_answer_that_is_none_loads_nothing(council, server, status, headers, body):
    share(server, (1, "new"))
    source(council, server)
    server.spoil = lambda path: (status, headers, body) if path.endswith("/query") else None
    assert "nothing was loaded" in failed(council)


def test_a_list_of_files_that_was_cut_is_known_for_it(council, server):
    share(server, (1, "new"))
    source(council, server)
    good = server.answer

    def cut(path, query, body):
        status, headers, content = good(path, query, body)
        return status, headers, content.rpartition(b"\n")[0] if path.endswith("/query") else content

    server.answer = cut  # type: ignore[method-assign]
    assert "cut off" in failed(council)


def test_a_token_that_ran_out_is_said_plainly(council, server):
    share(server, (1, "new"))
    source(council, server)
    server.token = "another"
    for done in (council.cli("run"), vestry("--trace", "run", "-C", str(council.root))):
        assert "it has run out, or was withdrawn" in done.stdout + done.stderr
        assert "Quillfeather" not in done.stdout + done.stderr
    server.profile(council.root / "profile.share", expirationTime="2024-01-31T00:00:00.0Z")
    assert "ran out on 31 January 2024" in failed(council)


def test_a_name_that_is_not_shared_gets_the_nearest(council, server):
    share(server, (1, "new"))
    source(council, server, name="trust.community.referal")
    said = failed(council)
    assert f"did you mean `{NAME}`?" in said


def test_a_token_is_not_sent_in_the_clear(council, server):
    council.source(
        "nhs",
        "connector: delta_sharing\nendpoint: http://share.example.org/delta\ntoken: ${TOKEN}\n"
        f"tables:\n  referral: {{table: {NAME}}}\n",
    )
    council.write(".env", "TOKEN=x\n")
    assert "for all to read" in failed(council)


@pytest.mark.parametrize(
    "line", ["endpoint: https://x.example.org", "profile: a\nendpoint: https://x.example.org\ntoken: ${T}", ""]
)
def test_one_way_in_is_needed(council, line):
    council.source("nhs", f"connector: delta_sharing\n{line}\ntables:\n  referral: {{table: a.b}}\n")
    done = council.cli("check")
    said = done.stdout + done.stderr
    assert done.returncode == 2 and "share.schema.table" in said


def test_a_busy_server_is_asked_again(council, server):
    share(server, (1, "new"))
    source(council, server)
    waits = [(503, {}, b""), (429, {"Retry-After": "1"}, b"")]
    server.spoil = lambda path: waits.pop() if waits and path.endswith("/query") else None
    council.good()
    assert referrals(council) == [(1, "new", 2025)] and not waits


@pytest.mark.skipif(importlib.util.find_spec("delta_sharing") is None, reason="the official client is not installed")
def test_the_official_client_reads_the_tests_server(server, tmp_path):
    import delta_sharing

    share(server, (1, "new"), (2, "new")).delete("id = 2")
    profile = server.profile(tmp_path / "p.share")
    found = delta_sharing.load_as_pandas(f"{profile}#{NAME}")
    assert list(found["id"]) == [1]
    changes = delta_sharing.load_table_changes_as_pandas(f"{profile}#{NAME}", starting_version=0)
    assert sorted(zip(changes["id"], changes["_change_type"], strict=True)) == [
        (1, "insert"),
        (2, "delete"),
        (2, "insert"),
    ]
