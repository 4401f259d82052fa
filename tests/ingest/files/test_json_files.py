"""JSON lists, records to a line, documents with the records inside, and broken ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from vestry.ingest.files import UnreadableFile

Read = Callable[..., Any]


def test_list_of_records_gives_text_as_received(read: Read) -> None:
    got = read('[{"id": 1, "paid": 1.10, "ok": true, "tags": ["a", 2.50]}, {"id": 2, "note": "é"}]', name="x.json")
    assert got.account.columns == ("id", "paid", "ok", "tags", "note")
    assert got.rows == [("1", "1.10", "true", '["a", 2.50]', None), ("2", None, None, None, "é")]
    assert got.numbers == [1, 2]


@pytest.mark.parametrize("name", ["x.ndjson", "x.jsonl", "x.json", "x.dat"])
def test_records_to_a_line_are_found(read: Read, name: str) -> None:
    got = read('\ufeff{"id": 1}\n\n{"id": 2, "n": {"a": 1}}\n', name=name)
    assert got.rows == [("1", None), ("2", '{"a": 1}')] and got.numbers == [1, 3]
    assert got.account.skipped["blank"] == 1


def test_broken_line_is_rejected_with_its_place(read: Read) -> None:
    got = read('{"id": 1}\n{"id": 2\n[3]\n{"id": 4}\n', name="x.ndjson")
    assert got.rows == [("1",), ("4",)]
    assert [(line, raw) for line, raw, _ in got.rejected] == [(2, '{"id": 2'), (3, "[3]")]
    assert got.rejected[0][2].startswith("not JSON") and "no names" in got.rejected[1][2]


def test_broken_first_line_is_rejected_too(read: Read) -> None:
    got = read('{"id": \n{"id": 2}\n{"id": 3}\n', name="x.ndjson")
    assert got.rows == [("2",), ("3",)] and got.reasons[0][0] == 1


@pytest.mark.parametrize("content", ['[{"id": 1}, {"id": 2', '[{"id": 1}', '{"rows": [{"id": 1}', '[{"id": 1}, {"i'])
def test_cut_off_json_is_an_error(read: Read, content: str) -> None:
    with pytest.raises(UnreadableFile, match="cut off or broken"):
        read(content, name="x.json")


def test_records_inside_a_document_are_found_or_given(read: Read) -> None:
    document = json.dumps({"meta": {"n": 2}, "data": {"items": [{"a": 1}, {"a": 2}], "links": [{"b": 1}]}}, indent=2)
    got = read(document, name="x.json")
    assert got.rows == [("1",), ("2",)] and "records at `data.items`" in got.account.notes
    assert read(document, name="x.json", rows="data.links").account.columns == ("b",)
    with pytest.raises(UnreadableFile, match="no `nothing`"):
        read(document, name="x.json", rows="data.nothing")


def test_records_one_after_another_without_line_breaks(read: Read) -> None:
    got = read('{"a": 1}{"a": 2}\n {"a":\n 3}', name="x.json")
    assert got.rows == [("1",), ("2",), ("3",)]


def test_keys_that_come_late_are_columns(read: Read) -> None:
    lines = [{"a": n, "A": "x"} for n in range(12_000)] + [{"a": 1, "late": "y"}]
    got = read("\n".join(map(json.dumps, lines)), name="x.ndjson")
    assert got.account.columns == ("a", "a_2", "late")
    assert got.rows[0] == ("0", "x", None) and got.rows[-1] == ("1", None, "y")


def test_long_list_is_read_in_pieces(read: Read) -> None:
    rows = [{"id": n, "text": "x" * 100} for n in range(20_000)]
    got = read(json.dumps(rows), name="x.json")
    assert len(got.rows) == 20_000 and got.rows[-1][0] == "19999"


def test_canonical_names_apply_to_keys(read: Read) -> None:
    got = read('[{"Net Amount": 1}]', name="x.json", columns={"amount": ["net_amount"], "date": []})
    assert got.account.columns == ("amount", "date") and got.account.missing == ("date",)
    assert got.rows == [("1", None)]


def test_half_a_surrogate_pair_does_not_stop_the_load(read: Read) -> None:
    got = read('{"a": "\\ud800x"}\n{"a": "y"}\n', name="x.ndjson")
    assert got.rows == [("\\ud800x",), ("y",)]


def test_huge_numbers_and_not_a_number_stay_text(read: Read) -> None:
    got = read('{"a": ' + "9" * 5000 + ', "b": NaN, "c": {"d": NaN}}\n{"a": 1}', name="x.ndjson")
    assert got.rows[0] == ("9" * 5000, "NaN", '{"d": NaN}')


def test_text_called_json_is_an_error(read: Read) -> None:
    with pytest.raises(UnreadableFile, match="not JSON"):
        read("id,name\n1,Ann\n", name="x.json")
