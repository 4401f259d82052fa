"""The gazetteer: every address of Westmarsh with its UPRN and place, and the wards' outlines.

As a local land and property gazetteer has it: a property has one approved entry, perhaps an alternative one (another
way of writing it) or a historic one, and some entries are of homes not yet built.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from vestry.demo.british_grid import to_wgs84
from vestry.demo.script import run_script

_CELL = 1000  # metres between points converted exactly; between them latitude and longitude are as good as flat


def add_positions(con: duckdb.DuckDBPyConnection) -> None:
    """Add ``lat`` and ``lon`` (degrees, WGS 84) to ``property``, by interpolation within kilometre squares."""
    bounds = con.execute("SELECT min(easting), max(easting), min(northing), max(northing) FROM property").fetchone()
    assert bounds is not None
    con.execute("CREATE TEMP TABLE corner (e BIGINT, n BIGINT, lat DOUBLE, lon DOUBLE)")
    con.executemany(
        "INSERT INTO corner VALUES (?, ?, ?, ?)",
        [
            (e, n, *to_wgs84(e * _CELL, n * _CELL))
            for e in range(int(bounds[0] // _CELL), int(bounds[1] // _CELL) + 2)
            for n in range(int(bounds[2] // _CELL), int(bounds[3] // _CELL) + 2)
        ],
    )
    run_script(con, "positions.sql")


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write ``addresses.csv`` and ``wards.geojson`` into ``folder``; return the rows of each."""
    folder.mkdir(parents=True)
    run_script(con, "gazetteer.sql")
    con.execute(
        "COPY (SELECT * FROM gazetteer ORDER BY lpi_key) TO ? (HEADER, DELIMITER ',')", [str(folder / "addresses.csv")]
    )
    wards = con.execute("SELECT ward_code, ward_name, min_e, min_n, side FROM ward ORDER BY no").fetchall()
    (folder / "wards.geojson").write_text(json.dumps(_outlines(wards), indent=1) + "\n", encoding="utf-8")
    rows = con.execute("SELECT count(*) FROM gazetteer").fetchone()
    assert rows is not None
    con.execute("DROP TABLE gazetteer")
    return {"gazetteer.addresses": rows[0], "gazetteer.wards": len(wards)}


def _outlines(wards: list[tuple[str, str, float, float, float]]) -> dict[str, object]:
    features = []
    for code, name, e, n, side in wards:
        ring = [(e, n), (e + side, n), (e + side, n + side), (e, n + side), (e, n)]
        points = [[round(lon, 6), round(lat, 6)] for lat, lon in (to_wgs84(*point) for point in ring)]
        features.append(
            {
                "type": "Feature",
                "properties": {"ward_code": code, "ward_name": name},
                "geometry": {"type": "Polygon", "coordinates": [points]},
            }
        )
    return {"type": "FeatureCollection", "features": features}
