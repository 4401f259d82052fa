"""Places on the map, in degrees or in the National Grid."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from vestry.ingest.files import UnreadableFile
from vestry.lake.engine import extension

pytestmark = pytest.mark.slow

BOUNDARIES = Path(os.environ.get("UK_BOUNDARIES") or Path(__file__).resolve().parents[4] / "shared/data/boundaries")


def feature(properties, geometry, **more):
    return {"type": "Feature", "properties": properties, "geometry": geometry, **more}


def collection(*features, **more) -> str:
    return json.dumps({"type": "FeatureCollection", **more, "features": list(features)})


POINT = {"type": "Point", "coordinates": [-0.24, 52.57]}
GRID = {"type": "Point", "coordinates": [519000.0, 298500.0]}


@pytest.fixture
def spatial(con):
    con.execute(f"LOAD '{extension('spatial')}'")
    return con


def write(spatial, path: Path, driver: str, crs: str | None = "EPSG:27700", layer: str = "sites") -> Path:
    """Two sites in the National Grid, as GDAL writes them."""
    spatial.execute("CREATE OR REPLACE TABLE sites (ref VARCHAR, beds INTEGER, geom GEOMETRY)")
    spatial.execute(
        "INSERT INTO sites VALUES ('S1', 4, ST_Point(519000, 298500)), ('S2', NULL, ST_Point(519100.5, 298600))"
    )
    srs = f", SRS '{crs}'" if crs else ""
    spatial.execute(f"COPY sites TO '{path}' (FORMAT gdal, DRIVER '{driver}'{srs}, LAYER_NAME '{layer}')")
    return path


def test_features_of_geojson_are_rows_with_wkb(read, spatial):
    text = collection(
        feature({"ref": "A1", "n": 1.10}, POINT, id=7), feature({"ref": "A2"}, None), feature({"ref": "A3"}, POINT)
    )
    got = read(text, name="sites.geojson")
    assert got.account.columns == ("ref", "n", "id", "geometry", "geometry_crs")
    assert [(r[0], r[1], r[2], r[4]) for r in got.rows] == [
        ("A1", "1.1", "7", "EPSG:4326"),
        ("A2", None, None, None),
        ("A3", None, None, "EPSG:4326"),
    ]
    assert isinstance(got.rows[0][3], bytes)
    back = spatial.execute("SELECT ST_AsText(ST_GeomFromWKB(?::BLOB))", [got.rows[0][3]]).fetchone()
    assert back == ("POINT (-0.24 52.57)",)


def test_a_geometry_that_is_none_is_rejected_and_counted(read):
    text = collection(feature({"ref": "A1"}, POINT), feature({"ref": "A2"}, {"type": "Pont", "coordinates": [1, 2]}), 5)
    got = read(text, name="sites.json")
    assert [r[0] for r in got.rows] == ["A1"]
    assert got.reasons == [(2, "the geometry is none that GeoJSON knows"), (3, "not a record: no names in it")]


def test_a_collection_without_features_is_an_empty_table(read):
    got = read(collection(), name="sites.geojson")
    assert got.account.columns == ("geometry", "geometry_crs") and got.rows == []


def test_the_national_grid_is_known_where_the_file_says_so(read):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::27700"}}
    got = read(collection(feature({"ref": "A1"}, GRID), crs=crs), name="sites.geojson")
    assert got.rows[0][-1] == "EPSG:27700"


def test_metres_that_pretend_to_be_degrees_are_refused_and_can_be_said(read):
    text = collection(feature({"ref": "A1"}, GRID))
    with pytest.raises(UnreadableFile, match="no degrees") as error:
        read(text, name="sites.geojson")
    assert "crs: EPSG:27700" in error.value.mend
    assert read(text, name="sites.geojson", crs="EPSG:27700").rows[0][-1] == "EPSG:27700"


def test_geojson_cut_in_the_middle_loads_nothing(read):
    text = collection(*(feature({"ref": f"A{n}"}, POINT) for n in range(50)))
    with pytest.raises(UnreadableFile, match="cut off or broken after record"):
        read(text[:-300], name="sites.geojson")


def test_with_a_path_of_records_geojson_is_read_as_plain_json(read):
    got = read(collection(feature({"ref": "A1"}, POINT)), name="sites.json", rows="features")
    assert got.account.columns == ("type", "properties", "geometry")


def test_a_geopackage_is_read_by_its_layer(read, spatial, tmp_path):
    path = write(spatial, tmp_path / "sites.gpkg", "GPKG")
    got = read(path)
    assert [(r[got.account.columns.index("ref")], r[-1]) for r in got.rows] == [
        ("S1", "EPSG:27700"),
        ("S2", "EPSG:27700"),
    ]
    back = spatial.execute("SELECT ST_X(ST_GeomFromWKB(?::BLOB))", [got.rows[1][-2]]).fetchone()
    assert back == (519100.5,)
    with pytest.raises(UnreadableFile, match="no layer `site`") as error:
        read(path, sheet="site")
    assert "`sites`" in error.value.mend


def test_a_shapefile_is_read_with_the_files_beside_it(read, spatial, tmp_path):
    path = write(spatial, tmp_path / "sites.shp", "ESRI Shapefile")
    got = read(path)
    assert [(r[0], r[1], r[-1]) for r in got.rows] == [("S1", 4, "EPSG:27700"), ("S2", None, "EPSG:27700")]
    path.with_suffix(".prj").unlink()
    with pytest.raises(UnreadableFile, match=r"no \.prj"):
        read(path)
    assert read(path, crs="EPSG:27700").rows[0][-1] == "EPSG:27700"
    path.with_suffix(".dbf").unlink()
    with pytest.raises(UnreadableFile, match=r"sites\.dbf is not beside it"):
        read(path)


def test_a_shapefile_whose_files_do_not_belong_together_is_refused(read, spatial, tmp_path):
    path = write(spatial, tmp_path / "sites.shp", "ESRI Shapefile")
    dbf = bytearray(path.with_suffix(".dbf").read_bytes())
    dbf[4:8] = (3).to_bytes(4, "little")
    path.with_suffix(".dbf").write_bytes(bytes(dbf))
    with pytest.raises(UnreadableFile, match="do not belong together"):
        read(path)


def test_a_file_of_another_driver_is_not_let_in_by_its_content(read, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    vrt = f"<OGRVRTDataSource><OGRVRTLayer name='secret'><SrcDataSource>{tmp_path}/secret.csv</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    for name in ("x.gpkg", "x.shp", "x.geojson"):
        with pytest.raises(UnreadableFile):
            read(vrt, name=name)


@pytest.mark.skipif(not BOUNDARIES.is_dir(), reason="the published boundaries are not on this machine")
def test_published_boundaries_are_read_whole(read, spatial):
    counts = {}
    for path in sorted(BOUNDARIES.glob("*.geojson")):
        got = read(path)
        counts[path.stem] = len(got.rows)
        assert len(got.rows) == path.read_text().count('"type": "Feature",')
        assert {r[-1] for r in got.rows} == {"EPSG:4326"} and not got.rejected
        invalid = spatial.execute(
            "SELECT count(*) FROM (SELECT unnest(?::BLOB[]) AS g) WHERE ST_IsEmpty(ST_GeomFromWKB(g))",
            [[r[-2] for r in got.rows]],
        ).fetchone()
        assert invalid == (0,)
    assert counts["wards_E06000031"] == 24


def zipped(path: Path, files: list[Path], folder: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for file in files:
            out.write(file, f"{folder}{file.name}")
    return path


def test_a_zipped_shapefile_loads_as_one(council, spatial, tmp_path):
    write(spatial, tmp_path / "sites.shp", "ESRI Shapefile")
    (tmp_path / "sites.shp.xml").write_text("<metadata/>")
    (tmp_path / "readme.txt").write_text("about")
    council.files(source="gis", table="site", glob="*.zip")
    zipped(council.root / "drop" / "sites.zip", sorted(p for p in tmp_path.iterdir() if p.is_file()), "data/")
    council.good()
    assert council.rows("SELECT ref, geometry_crs, _source FROM bronze.gis.site ORDER BY ref") == [
        ("S1", "EPSG:27700", "sites.zip/data/sites.shp"),
        ("S2", "EPSG:27700", "sites.zip/data/sites.shp"),
    ]


def test_a_shapefile_of_which_only_the_dbf_changed_is_read_again(council, spatial, tmp_path):
    council.files(source="gis", table="site", glob="*.shp")
    shp = write(spatial, tmp_path / "sites.shp", "ESRI Shapefile")
    for file in tmp_path.glob("sites.*"):
        shutil.copy(file, council.root / "drop")
    council.good()
    dbf = (council.root / "drop" / shp.name).with_suffix(".dbf")
    dbf.write_bytes(dbf.read_bytes().replace(b"S2", b"S9"))
    council.good()
    assert [r[0] for r in council.rows("SELECT ref FROM bronze.gis.site ORDER BY ref")] == ["S1", "S9"]


@pytest.mark.slow
def test_the_sql_of_a_product_may_use_spatial_functions(council):
    council.files(source="gis", table="site", glob="*.geojson")
    council.drop("a.geojson", collection(feature({"ref": "A1"}, POINT)))
    council.product(
        "planning.map",
        {"ref": "logicalType: string, primaryKey: true", "easting": "logicalType: number, physicalType: DOUBLE"},
        site_sql="""
            SELECT ref, ST_X(ST_Transform(ST_GeomFromWKB(geometry), geometry_crs, 'EPSG:27700', always_xy := true)) AS easting
            FROM bronze.gis.site
        """,
    )
    assert council.cli("check").returncode == 0
    council.good()
    ((ref, easting),) = council.rows("SELECT ref, easting FROM planning.map.site")
    assert ref == "A1" and 519_000 < easting < 520_000
    assert council.one("SELECT ST_AsText(ST_Point(1, 2))") == "POINT (1 2)"
