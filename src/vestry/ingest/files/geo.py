"""Places on the map: GeoJSON, GeoPackage, shapefile. Geometries are kept as WKB, with their reference system beside.

WKB is what Delta and every reader of it can hold. `ST_GeomFromWKB(geometry)` makes a geometry of it again.
"""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vestry.ingest.files.encoding import as_utf8
from vestry.ingest.files.jsonfile import elements_after, records_at
from vestry.ingest.files.keyed import Keyed
from vestry.ingest.files.model import FileOptions, FileRows, UnreadableFile, no_rejects, plain_path
from vestry.ingest.files.names import name_columns
from vestry.ingest.files.scan import Scan, scan
from vestry.ingest.files.spool import Rejects
from vestry.lake.engine import extension
from vestry.project.errors import did_you_mean
from vestry.project.names import literal, quote

if TYPE_CHECKING:
    import duckdb

GEOMETRY, CRS = "geometry", "geometry_crs"
WGS84, BRITISH_GRID = "EPSG:4326", "EPSG:27700"
#: The files of one shapefile that are read; all but the first two may be missing.
SHAPEFILE = (".shx", ".dbf", ".prj", ".cpg")
_FEATURES = re.compile(r'"features"\s*:\s*\[')
_QUOTED = re.compile(r'"(-?\d[\d.eE+-]*)"')
_NAMED_CRS = re.compile(r'"crs"\s*:\s*\{.{0,200}?"name"\s*:\s*"([^"]+)"', re.S)
_CODE = re.compile(r"(?:EPSG|epsg)(?:::?|:[\d.]*:|/[\d.]+/)(\d{4,6})\Z")


def read_geo(
    path: Path, options: FileOptions, con: duckdb.DuckDBPyConnection, workdir: Path, kind: str, facts: Scan | None
) -> FileRows:
    """The features of a file: what is said of each, `geometry` (WKB as BLOB) and `geometry_crs` (`EPSG:27700`)."""
    con.execute(f"LOAD {literal(str(extension('spatial')))}")
    if kind == "geojson":
        return _geojson(path, options, con, workdir, facts or scan(path, digest=False))
    return _layer(path, options, con, workdir, kind)


def beside(path: Path) -> list[Path]:
    """The other files of a shapefile, whatever case their suffixes have."""
    return sorted(
        p for p in path.parent.glob(f"{_plain(path.stem)}.*") if p.stem == path.stem and p.suffix.lower() in SHAPEFILE
    )


def _plain(name: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", name)


def _geojson(path: Path, options: FileOptions, con: duckdb.DuckDBPyConnection, workdir: Path, facts: Scan) -> FileRows:
    text = as_utf8(path, facts, options.encoding, workdir)
    table = Keyed(workdir, options)
    head = _head(text.path)
    found = _FEATURES.search(head)
    features = elements_after(text.path, path, found.end()) if found else iter(records_at(text.path, path, "features"))
    for number, feature in enumerate(features, 1):
        table.add(number, _feature(feature))
    rows = table.done()
    notes = list(text.notes)
    if not rows.rows:
        nothing = f"SELECT NULL::BLOB AS {GEOMETRY}, NULL::VARCHAR AS {CRS}, 0::BIGINT AS _row WHERE false"
        return replace(rows, select=nothing, columns=(GEOMETRY, CRS), headers=(GEOMETRY, "crs"), missing=())
    name = rows.columns[rows.headers.index("geometry")]
    crs, said = _crs_of_geojson(head, options)
    made = f"TRY(ST_GeomFromGeoJSON({quote(name)}))"
    rejects = Rejects(workdir)
    bad = f"{quote(name)} IS NOT NULL AND {made} IS NULL"
    for line, raw in con.execute(f"SELECT _row, {quote(name)} FROM ({rows.select}) WHERE {bad}").fetchall():
        rejects.add(line, raw, "the geometry is none that GeoJSON knows")
    rejected = rejects.table()
    select = f"SELECT * REPLACE ({made} AS {quote(name)}) FROM ({rows.select}) WHERE ({bad}) IS NOT TRUE"
    if not said:
        _refuse_wrong_crs(path, con, select, name)
    import pyarrow as pa

    return replace(
        rows,
        select=_stored(select, rows.columns, name, crs),
        columns=(*rows.columns, CRS),
        headers=(*rows.headers, "crs"),
        rows=rows.rows - rejected.num_rows,
        rejected=pa.concat_tables([rows.rejected, rejected]).sort_by("line"),
        notes=(*notes, *rows.notes, f"geometries in {crs}"),
    )


def _head(path: Path) -> str:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return file.read(1 << 16)


def _feature(feature: Any) -> Any:
    """A feature's properties, its id, and its geometry as text; anything else as it is, to be rejected."""
    if not isinstance(feature, dict) or not isinstance(feature.get("properties") or {}, dict):
        return feature if not isinstance(feature, dict) else [feature]
    record = {f"{k} property" if k in ("geometry", CRS) else k: v for k, v in (feature.get("properties") or {}).items()}
    if "id" in feature:
        record["id" if "id" not in record else "feature id"] = feature["id"]
    geometry = feature.get("geometry")
    # Numbers are kept as texts of their own kind, so that none is rounded; they lose their quotes again here.
    return record | {"geometry": None if geometry is None else _QUOTED.sub(r"\1", json.dumps(geometry))}


def _crs_of_geojson(head: str, options: FileOptions) -> tuple[str, bool]:
    """Which system, and whether somebody said so: what says nothing is WGS 84 (RFC 7946)."""
    found = _NAMED_CRS.search(head)
    if found:
        code = _CODE.search(found[1])
        return (f"EPSG:{code[1]}" if code else WGS84 if found[1].endswith("CRS84") else found[1]), True
    return (options.crs, True) if options.crs else (WGS84, False)


def _refuse_wrong_crs(path: Path, con: duckdb.DuckDBPyConnection, select: str, name: str) -> None:
    """Degrees beyond 180 are metres: a file in the National Grid that does not say so."""
    far = con.execute(f"SELECT max(ST_XMax({quote(name)})), max(ST_YMax({quote(name)})) FROM ({select})").fetchone()
    if far and far[0] is not None and (far[0] > 180 or far[1] > 90):
        raise UnreadableFile(
            "the file says nothing of its reference system, and its coordinates are no degrees",
            str(path),
            f"write `crs: {BRITISH_GRID}` if they are British National Grid",
        )


def _layer(path: Path, options: FileOptions, con: duckdb.DuckDBPyConnection, workdir: Path, kind: str) -> FileRows:
    """A layer of a GeoPackage, or a shapefile, by GDAL; the rows are counted without it."""
    import duckdb

    layer: str | None = None
    if kind == "shapefile":
        file, driver, count = _whole_shapefile(path, workdir), "ESRI Shapefile", _dbf_rows(path)
    else:
        file, driver = plain_path(path, workdir), "GPKG"
        layer, count = _chosen_layer(path, options)
    # By its own driver only: by its content a file could be one of those that name other files to be read.
    read = f"ST_Read({literal(str(file))}, allowed_drivers = [{literal(driver)}]" + (
        f", layer = {literal(layer)})" if layer else ")"
    )
    try:
        described = [(str(r[0]), str(r[1])) for r in con.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()]
        meta = con.execute("SELECT layers FROM ST_Read_Meta(?)", [str(file)]).fetchone()
    except duckdb.Error:
        what = f"{'the shapefile' if kind == 'shapefile' else 'the GeoPackage'} is damaged or cut off"
        raise UnreadableFile(what, str(path), "ask for it again, with all of its files") from None
    shapes = [name for name, type_ in described if type_.startswith("GEOMETRY")]
    if not shapes:
        raise UnreadableFile("there are no geometries in the file", str(path), "read it as a table of a database")
    # A shapefile has no numbers of its own: those are GDAL's.
    heads = [n for n, _ in described if n not in shapes and not (kind == "shapefile" and n == "OGC_FID")]
    columns = name_columns([*heads, GEOMETRY], range(len(heads) + 1), options.columns)
    crs = _crs_of_layer(meta[0] if meta else [], layer) or options.crs
    if crs is None:
        raise UnreadableFile(
            "the file does not say in which reference system it is" + (" (no .prj)" if kind == "shapefile" else ""),
            str(path),
            f"write `crs: {BRITISH_GRID}` or `crs: {WGS84}`",
        )
    parts = [
        f"{quote([*heads, shapes[0]][place])} AS {quote(name)}"
        if place is not None
        else f"NULL::VARCHAR AS {quote(name)}"
        for name, place in zip(columns.names, columns.places, strict=True)
    ]
    name = columns.names[columns.headers.index(GEOMETRY)]
    select = f"SELECT {', '.join(parts)}, row_number() OVER () AS _row FROM {read}"
    return FileRows(
        select=_stored(select, columns.names, name, crs),
        columns=(*columns.names, CRS),
        headers=(*columns.headers, "crs"),
        rows=count,
        rejected=no_rejects(),
        skipped={"preamble": 0, "header": 0, "repeated_header": 0, "blank": 0},
        notes=(*([f"layer `{layer}`"] if layer else []), f"geometries in {crs}"),
        missing=columns.missing,
        patient=True,
    )


def _stored(select: str, names: tuple[str, ...], geometry: str, crs: str) -> str:
    kept = [f"ST_AsWKB({quote(n)})::BLOB AS {quote(n)}" if n == geometry else quote(n) for n in names]
    at = f"CASE WHEN {quote(geometry)} IS NOT NULL THEN {literal(crs)} END AS {quote(CRS)}"
    return f"SELECT {', '.join([*kept, at, '_row'])} FROM ({select})"


def _crs_of_layer(layers: list[dict[str, Any]], layer: str | None) -> str | None:
    for one in layers:
        if layer is not None and one["name"] != layer:
            continue
        for field in one["geometry_fields"] or []:
            crs = field.get("crs") or {}
            if crs.get("auth_name") and crs.get("auth_code"):
                return f"{crs['auth_name']}:{crs['auth_code']}"
            # ESRI's own words for it carry no code.
            if re.search(r"British[ _]National[ _]Grid", crs.get("wkt") or ""):
                return BRITISH_GRID
    return None


def _chosen_layer(path: Path, options: FileOptions) -> tuple[str, int]:
    """The layer that is named, or the only one, and its rows as SQLite counts them."""
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as con:
            asked = "SELECT table_name FROM gpkg_contents WHERE data_type = 'features' ORDER BY 1"
            layers = [row[0] for row in con.execute(asked)]
            wanted = options.sheet if isinstance(options.sheet, str) else None
            if wanted is None and len(layers) == 1:
                wanted = layers[0]
            if wanted is None:
                mend = f"name one with `sheet`: {', '.join(layers)}"
                raise UnreadableFile(f"the GeoPackage has {len(layers)} layers", str(path), mend)
            if wanted not in layers:
                mend = did_you_mean(wanted, layers)
                raise UnreadableFile(f"the GeoPackage has no layer `{wanted}`", str(path), mend)
            return wanted, int(con.execute(f"SELECT count(*) FROM {quote(wanted)}").fetchone()[0])
    except sqlite3.Error:
        raise UnreadableFile("the GeoPackage is damaged or not one", str(path), "ask for it again") from None


def _whole_shapefile(path: Path, workdir: Path) -> Path:
    """The shapefile by names that GDAL finds and DuckDB takes for no pattern.

    Raises UnreadableFile that names the file that is missing.
    """
    there = {p.suffix.lower(): p for p in beside(path)}
    for suffix in SHAPEFILE[:2]:
        if suffix not in there:
            what = f"the file {path.stem}{suffix} is not beside it: a shapefile is several files of one name"
            raise UnreadableFile(what, str(path), "send all of them: .shp, .shx, .dbf, .prj; best in one zip")
    for suffix, file in {".shp": path, **there}.items():
        link = workdir / f"shape{suffix}"
        link.unlink(missing_ok=True)
        link.symlink_to(file.resolve())
    return workdir / "shape.shp"


def _dbf_rows(path: Path) -> int:
    """Records of the .dbf that are not marked as deleted.

    Raises UnreadableFile where there are not as many of them as shapes.
    """
    dbf, shx = (next(p for p in beside(path) if p.suffix.lower() == s) for s in (".dbf", ".shx"))
    with dbf.open("rb") as file:
        head = file.read(32)
        count, start, size = (int.from_bytes(head[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12)))
        shapes = (shx.stat().st_size - 100) // 8
        if count != shapes:
            what = f"{shapes:,} shapes and {count:,} records: the files of the shapefile do not belong together"
            raise UnreadableFile(what, str(path), "ask for all of them again, best in one zip")
        file.seek(start)
        flags = [file.read(size)[:1] for _ in range(count)]
    return count - flags.count(b"*")
