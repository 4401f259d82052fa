"""Pictures of lineage and of entities: whole, safe, and looked at in a browser."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council import Council
from vestry.catalogue.diagram import Box, Drawing, Line, Row, entity_diagram, lineage_picture, svg
from vestry.catalogue.diagram.layout import arrange
from vestry.catalogue.diagram.svg import COLOURS
from vestry.catalogue.lineage import WHOLE, ColumnName, Lineage, LineageGraph, Origin
from vestry.project import TableName, load_project

SVG = "{http://www.w3.org/2000/svg}"
CHROMIUM = Path("/usr/bin/chromium")


def table(name: str) -> TableName:
    return TableName(*name.split(".")) if "." in name else TableName("d", "p", name)


def chain(length: int, wide: int = 1) -> LineageGraph:
    """Tables t0 … each made of all of the layer before it."""
    found = {}
    for layer in range(length):
        above = [ColumnName(table(f"t{layer - 1}_{n}"), "x") for n in range(wide)] if layer else []
        for n in range(wide):
            found[table(f"t{layer}_{n}")] = Lineage({"x": Origin(frozenset(above))})
    return LineageGraph(found)


def boxes(text: str) -> list[str]:
    return re.findall(r'<g class="app-picture__box [^"]*">', text)


def test_a_lineage_of_5000_tables_shows_what_is_near_and_counts_the_rest():
    graph = chain(1000, wide=5)
    drawing = lineage_picture(graph, [ColumnName(table("t500_0"), WHOLE)], {})
    assert len(drawing.boxes) == 36
    assert drawing.hidden == 5 * 999 + 1 - 36
    text = svg(drawing)
    assert len(boxes(text)) == 36
    assert f"and {drawing.hidden:,} more that are not shown" in text
    assert "5 more before it" in text and "5 more after it" in text


def test_a_table_that_nothing_is_known_of_is_drawn_by_itself():
    drawing = lineage_picture(LineageGraph({}), [ColumnName(table("a.b.c"), WHOLE)], {})
    assert [b.title for b in drawing.boxes] == ["c"]
    assert ET.fromstring(svg(drawing)).tag == f"{SVG}svg"


def test_data_goes_from_left_to_right():
    graph = chain(4)
    drawing = lineage_picture(graph, [ColumnName(table("t2_0"), "x")], {})
    sizes = {b.key: (100.0, 50.0) for b in drawing.boxes}
    placed = arrange(sizes, [(line.start, line.end) for line in drawing.lines], {})
    across = [placed.corners[f"d.p.t{n}_0"][0] for n in range(4)]
    assert across == sorted(set(across))


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 14),
    ends=st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13)), max_size=30),
    heights=st.lists(st.integers(40, 300), min_size=14, max_size=14),
)
def test_no_box_stands_on_another_whatever_the_lines(count, ends, heights):
    lines = [(str(a % count), str(b % count)) for a, b in ends]
    sizes = {str(n): (100.0, float(heights[n])) for n in range(count)}
    placed = arrange(sizes, lines, {})
    for one, other in combinations(sizes, 2):
        (x, y), (across, down) = placed.corners[one], placed.corners[other]
        apart = x != across or y + sizes[one][1] <= down + 0.01 or down + sizes[other][1] <= y + 0.01
        assert apart, (one, other)
    assert all(x >= 0 and y >= -0.01 for x, y in placed.corners.values())
    assert all(y + sizes[key][1] <= placed.height + 0.01 for key, (_, y) in placed.corners.items())
    assert len(placed.routes) == len(lines)


EVIL = '"><script>alert(1)</script><a href="javascript:x" style="color:red" onclick='


def test_text_and_addresses_are_escaped_and_nothing_needs_a_style_or_a_script():
    box = Box("a", EVIL, EVIL, "silver", "/tables/a?b=1&c=\"'<", (Row(EVIL, "/x", EVIL),))
    text = svg(Drawing(EVIL, EVIL, (box,), (Line("a", "a", 0, 0, EVIL),)))
    root = ET.fromstring(text)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "defs", "marker", "path", "g", "rect", "text", "a"}
    names = {key for element in root.iter() for key in element.attrib}
    assert not {n for n in names if n == "style" or n.startswith("on")}
    assert root.find(f"{SVG}title").text == EVIL
    assert {a.get("href") for a in root.iter(f"{SVG}a")} == {"/tables/a?b=1&c=\"'<", "/x"}


def test_it_has_a_name_and_a_description_and_its_links_are_not_in_the_keyboards_way():
    about = [ColumnName(table("t1_0"), "x")]
    assert ET.fromstring(svg(lineage_picture(chain(2), about, {}))).get("role") == "img"
    root = ET.fromstring(svg(lineage_picture(chain(2), about, {}, lambda name: "/x"), "one"))
    # What is within an image nobody can reach, and axe says so.
    assert (root.get("role"), root.get("aria-labelledby")) == ("graphics-document", "one-title")
    assert root.find(f"{SVG}title").text == "Lineage of d.p.t1_0.x"
    assert root.find(f"{SVG}desc").text.startswith("On the left 1 table that it comes from, on the right 0 tables")
    assert {a.get("tabindex") for a in root.iter(f"{SVG}a")} == {"-1"}


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("kind", COLOURS)
def test_what_is_written_can_be_read(kind):
    fill, border = COLOURS[kind]
    text = svg(Drawing("t", "d", (Box("a", "title", "sub", kind, "/a", (Row("row", "/r", "key"),)),), ()))
    inks = set(re.findall(r'<text[^>]* fill="(#\w+)"', text)) | {"#0b0c0c"}
    assert all(_contrast(ink, fill) >= 4.5 for ink in inks), inks
    assert _contrast(border, "#ffffff") >= 4.5


CONTRACT = """
  - name: tenant
    properties:
      - {name: tenancy_ref, logicalType: string, primaryKey: true, relationships: [{to: tenancy.tenancy_ref}]}
      - {name: person_ref, logicalType: string, relationships: [{to: people.index.person.person_id}]}
  - name: tenancy
    properties:
      - {name: tenancy_ref, logicalType: string, primaryKey: true}
      - {name: before, logicalType: string, relationships: [{to: tenancy.tenancy_ref}]}
  - name: visit
    properties:
      - {name: id, logicalType: string, primaryKey: true}
      - {name: tenancy_ref, logicalType: string}
    relationships:
      - {from: visit.tenancy_ref, to: tenancy.tenancy_ref}
"""


@pytest.fixture
def housing(council: Council) -> Council:
    sql = "SELECT '1' AS tenancy_ref"
    council.product("housing.tenancies", CONTRACT, tenant_sql=sql, tenancy_sql=sql, visit_sql=sql)
    council.product("people.index", {"person_id": "logicalType: string, primaryKey: true"}, person_sql=sql)
    return council


def test_entities_are_joined_as_their_contracts_say(housing):
    project = load_project(housing.root)
    drawing = entity_diagram(project, [project.products["housing.tenancies"]], "Tables of housing")
    assert {b.key for b in drawing.boxes} == {
        "housing.tenancies.tenant", "housing.tenancies.tenancy", "housing.tenancies.visit", "people.index.person",
    }  # fmt: skip
    assert sorted(line.label for line in drawing.lines) == [
        "housing.tenancies.tenancy.before refers to housing.tenancies.tenancy.tenancy_ref",
        "housing.tenancies.tenant.person_ref refers to people.index.person.person_id",
        "housing.tenancies.tenant.tenancy_ref refers to housing.tenancies.tenancy.tenancy_ref",
        "housing.tenancies.visit.tenancy_ref refers to housing.tenancies.tenancy.tenancy_ref",
    ]
    # A tenant's key is all of its key: one to one; of many visits each has one tenancy.
    many = {line.label.split(" ")[0].split(".", 2)[2]: line.many for line in drawing.lines}
    assert many == {
        "tenancy.before": True,
        "tenant.person_ref": True,
        "tenant.tenancy_ref": False,
        "visit.tenancy_ref": True,
    }
    other = next(b for b in drawing.boxes if b.key == "people.index.person")
    assert [(row.text, row.mark) for row in other.rows] == [("person_id", "key")]


def test_another_products_picture_shows_who_refers_to_it(housing):
    project = load_project(housing.root)
    drawing = entity_diagram(project, [project.products["people.index"]], "Tables of people")
    assert {b.key for b in drawing.boxes} == {"people.index.person", "housing.tenancies.tenant"}


@pytest.mark.slow
def test_in_a_browser_every_text_stays_within_its_box_under_a_strict_policy(housing, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.is_file():
        pytest.skip("chromium is not installed")
    project = load_project(housing.root)
    long = "a_column_with_a_name_that_is_far_too_long_for_any_box_that_anybody_would_draw_WWWWWW"
    drawings = [
        lineage_picture(chain(4, wide=3), [ColumnName(table("t2_0"), "x")], {}, lambda name: "/x"),
        entity_diagram(project, list(project.products.values()), "All", lambda name: "/x"),
        Drawing("Long", "", (Box("a", long, long, "gold", "/a", (Row(long, "/r", "key"), Row(long))),), ()),
    ]
    policy = "default-src 'none'; style-src 'self'"
    head = (
        f'<!doctype html><html lang="en"><meta http-equiv="Content-Security-Policy" content="{policy}"><title>t</title>'
    )
    said: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        page.on("console", lambda message: said.append(message.text))
        for drawing in drawings:
            file = tmp_path / "picture.html"
            file.write_text(f"{head}<main>{svg(drawing)}</main>", encoding="utf-8")
            page.goto(file.as_uri())
            outside = page.evaluate(
                """() => [...document.querySelectorAll('.app-picture__box')].flatMap(box => {
                    const frame = box.querySelector('rect').getBBox();
                    return [...box.querySelectorAll('text')].filter(text => {
                        const b = text.getBBox();
                        return b.x < frame.x || b.x + b.width > frame.x + frame.width || b.y < frame.y
                            || b.y + b.height > frame.y + frame.height;
                    }).map(text => text.textContent);
                })"""
            )
            assert outside == []
        browser.close()
    assert said == []
