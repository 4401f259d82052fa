"""The truth of Westmarsh: whose each record is, who lived where and with whom, and what should be found."""

from __future__ import annotations

from pathlib import Path

import duckdb

from vestry.demo.script import run_script

#: File below the truth's folder, and the view of ``sql/answers.sql`` that it holds.
FILES = {
    "people.parquet": "answer_people",
    "record.parquet": "answer_record",
    "person.parquet": "answer_person",
    "person_name.parquet": "answer_person_name",
    "household/stay.parquet": "answer_stay",
    "family_tie.parquet": "answer_tie",
    "address.parquet": "answer_address",
    "protected.parquet": "answer_protected",
    "link_work.parquet": "answer_link_work",
}


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the files of ``FILES`` into ``folder``."""
    run_script(con, "answers.sql")
    for name, view in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        con.execute(f"COPY (SELECT * FROM {view} ORDER BY ALL) TO ? (FORMAT parquet, COMPRESSION zstd)", [str(path)])
