"""DCAT: held to the application profile's shapes, and read by a harvester."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from council import Council, vestry
from servers.catalogue import CatalogueServer
from vestry.catalogue.export import Gap, summed_up
from vestry.catalogue.export.addresses import Addresses
from vestry.catalogue.export.dcat import dcat
from vestry.catalogue.export.described import plain
from vestry.catalogue.export.rdf import english, json_ld, node, turtle
from vestry.catalogue.live import Live
from vestry.project import TableName
from vestry.serve import paths

pytestmark = pytest.mark.slow

SHAPES = Path(
    os.environ.get("DCAT_SHAPES") or Path(__file__).resolve().parents[4] / "shared/data/shapes/dcat-ap-3.0.1.ttl"
)
AT = "https://data.testham.example.org"
RIGHTS = "http://publications.europa.eu/resource/authority/access-right"


@pytest.fixture(scope="module")
def gaps():
    return []


@pytest.fixture(scope="module")
def nodes(catalogue, gaps):
    return dcat(catalogue, gaps)


def by_id(nodes):
    return {node["@id"]: node for node in nodes}


def graph_of(nodes):
    import rdflib

    return rdflib.Graph().parse(data=turtle(nodes), format="turtle")


def conforms(graph) -> None:
    pyshacl = pytest.importorskip("pyshacl")
    if not SHAPES.is_file():
        pytest.skip("the shapes of DCAT-AP are not here")
    ok, _, said = pyshacl.validate(graph, shacl_graph=str(SHAPES))
    assert ok, said


def test_the_catalogue_conforms_to_the_shapes_of_dcat_ap(nodes):
    graph = graph_of(nodes)
    conforms(graph)
    # The same checker does find a fault: a distribution must say where it is.
    pyshacl = pytest.importorskip("pyshacl")
    access = "http://www.w3.org/ns/dcat#accessURL"
    for triple in [t for t in graph if str(t[1]) == access]:
        graph.remove(triple)
    assert not pyshacl.validate(graph, shacl_graph=str(SHAPES))[0]


@pytest.mark.slow
def test_westmarsh_conforms_before_anything_ran(westmarsh):
    found: list[Gap] = []
    conforms(graph_of(dcat(westmarsh, found)))
    assert {gap.what for gap in found} == {"not made yet"}


def test_turtle_and_json_ld_say_the_same(nodes):
    import rdflib
    from rdflib.compare import isomorphic

    graph = graph_of(nodes)
    assert isomorphic(rdflib.Graph().parse(data=json_ld(nodes), format="json-ld"), graph) and len(graph) > 80


def test_a_product_is_a_series_and_its_tables_are_datasets_of_it(nodes):
    found = by_id(nodes)
    series, tree = found[f"{AT}/products/environment/trees"], found[f"{AT}/tables/environment.trees.tree"]
    assert series["@type"] == "dcat:DatasetSeries" and series["dct:title"]["@value"] == "Trees"
    assert tree["dcat:inSeries"] == {"@id": series["@id"]} and tree["dcat:version"] == "2.1.0"
    assert tree["dct:accessRights"] == {"@id": f"{RIGHTS}/PUBLIC"}
    assert tree["dct:accrualPeriodicity"]["@id"].endswith("/QUARTERLY")
    assert [word["@value"] for word in tree["dcat:keyword"]] == ["trees", "parks", "Tree"]
    assert found[tree["dcat:contactPoint"]["@id"]]["vcard:hasEmail"] == {"@id": "mailto:trees@testham.example.org"}
    assert found[tree["dct:temporal"]["@id"]]["dcat:startDate"]["@value"] == "2019-04-01"
    form = found[tree["dcat:distribution"]["@id"]]
    assert form["dct:license"]["@id"].endswith("/version/3/") and int(form["dcat:byteSize"]["@value"]) > 100
    assert found[f"{AT}/tables/environment.odd.place"]["dct:source"] == [{"@id": tree["@id"]}]


def test_personal_tables_are_described_and_offered_nowhere(nodes, made: Council):
    walk = by_id(nodes)[f"{AT}/tables/environment.walks.walk"]
    assert walk["dct:accessRights"] == {"@id": f"{RIGHTS}/NON_PUBLIC"} and "dcat:distribution" not in walk
    assert made.one("SELECT count(*) FROM environment.walks.walk WHERE walker LIKE '%Secret'") == 2
    assert "Secret" not in turtle(nodes) + json_ld(nodes)


def test_open_leaves_out_whatever_not_everybody_may_have(catalogue):
    found: list[Gap] = []
    nodes = dcat(catalogue, found, only_open=True)
    conforms(graph_of(nodes))
    tables = [node["@id"] for node in nodes if "dcat:inSeries" in node]
    assert tables == [f"{AT}/tables/environment.trees.tree"] and "walks" not in json_ld(nodes)
    # Who meant a product to be open learns why it is not.
    assert [(gap.of, gap.what) for gap in found] == [("environment.odd", "said to be open, without a licence")]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            ("classification: public}", "classification: internal}"),
            "said to be open, with columns not classified public",
        ),
        (("classification: public}", "required: false}"), "said to be open, with columns not classified public"),
        (("property: licence", "property: other"), "said to be open, without a licence"),
        (("value: OPEN", "value: YES"), "accessRights is none of OPEN, COMMERCIAL and INTERNAL"),
        (("value: OPEN", "value: COMMERCIAL"), None),
        (
            ("classification: public}", "required: false}", "value: OPEN", "value: COMMERCIAL"),
            "said to be commercial, with columns that are personal or not classified",
        ),
    ],
)
def test_a_product_is_open_only_where_nothing_speaks_against_it(made, tmp_path, change, why):
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(made.root, root, ignore=shutil.ignore_patterns("lake", ".vestry"))
    contract = root / "domains/environment/trees/contract.yaml"
    for old, new in zip(change[::2], change[1::2], strict=True):
        assert old in contract.read_text()
        contract.write_text(contract.read_text().replace(old, new))
    found: list[Gap] = []
    nodes = dcat(Live(root).catalogue(), found, only_open=True)
    assert not [node for node in nodes if "dcat:inSeries" in node]
    assert why in {gap.what for gap in found if gap.of == "environment.trees"} or why is None
    (tree,) = [
        node for node in dcat(Live(root).catalogue(), []) if str(node.get("dct:identifier")).endswith("trees.tree")
    ]
    assert tree["dct:accessRights"]["@id"].endswith("NON_PUBLIC" if why else "RESTRICTED")


def test_a_council_without_an_address_is_named_by_urns_that_conform(made, tmp_path):
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(made.root, root, ignore=shutil.ignore_patterns(".vestry"))
    (root / "vestry.toml").write_text('[council]\nname = "Testham «Council»"\n')
    found: list[Gap] = []
    nodes = dcat(Live(root).catalogue(), found)
    conforms(graph_of(nodes))
    assert nodes[0]["@id"] == "urn:vestry:testham-council" and "foaf:homepage" not in nodes[0]
    assert "no `url` below [council]: addresses are URNs, which no browser opens (vestry.toml)" in summed_up(found)


def test_what_is_missing_is_said_and_what_is_odd_stays_letters(nodes, gaps):
    import rdflib

    assert {(gap.of.partition(".")[2], gap.what) for gap in gaps} >= {
        ("walks", "no name in the contract"),
        ("walks", "no description in the contract"),
        ("walks", "no email address to ask at"),
        ("walks.walk", "no description of the table"),
        ("walks", "no frequency among the slaProperties"),
        ("odd", "licence is not an address of the web"),
        ("odd", "temporal is not like 2019-04-01/2026-03-31"),
    }
    titles = [str(title) for title in graph_of(nodes).objects(predicate=rdflib.DCTERMS.title)]
    odd = next(title for title in titles if title.startswith("<script>") and title.endswith("'''"))
    assert odd.startswith('<script>alert("1 & 2")</script> "quoted" \\ back\nnew line\ttab � bell � nul ‘£’ 😀 ]]>')
    assert "javascript:" not in turtle(nodes)


@given(st.text(st.characters(codec=None, categories=None)))
@example('"')
@example("\\")
def test_any_text_comes_back_from_both_syntaxes(text):
    import rdflib

    said = [node("urn:x:y", "dcat:Dataset", {"dct:title": english(plain(text)), "dct:source": plain(text)})]
    for form, written in (("turtle", turtle(said)), ("json-ld", json_ld(said))):
        graph = rdflib.Graph().parse(data=written.encode(), format=form)
        assert str(next(graph.objects(predicate=rdflib.DCTERMS.title))) == plain(text)
        assert next(graph.objects(predicate=rdflib.DCTERMS.source)) == rdflib.Literal(plain(text))


def test_our_own_harvester_reads_it_over_the_web(nodes, council: Council):
    server = CatalogueServer().start()
    try:
        for kind, text, media in (
            ("ttl", turtle(nodes), "text/turtle"),
            ("json", json_ld(nodes), "application/ld+json"),
        ):
            server.files[f"/dcat.{kind}"] = (media, text.encode())
            council.source(
                kind,
                f"connector: catalogue\nurl: {server.url}/dcat.{kind}\nkind: dcat\nevery: 0s\n"
                "tables:\n  dataset:\n  distribution:\n",
            )
        council.good()
    finally:
        server.stop()
    for kind in ("ttl", "json"):
        assert council.rows(
            f"SELECT id, title, publisher, contact, licence FROM bronze.{kind}.dataset WHERE id LIKE '%tree'"
        ) == [
            (
                f"{AT}/tables/environment.trees.tree",
                "Trees: tree",
                "Testham Council",
                "mailto:trees@testham.example.org",
                None,
            )
        ]
        assert council.one(f"SELECT count(*) FROM bronze.{kind}.dataset") == 3
        assert council.rows(f"SELECT media_type, url FROM bronze.{kind}.distribution WHERE title LIKE 'Trees%'") == [
            ("application/vnd.apache.parquet", f"{AT}/tables/environment.trees.tree")
        ]


def test_addresses_are_those_of_the_portals_pages(catalogue):
    addresses, table = Addresses(catalogue), TableName("environment", "trees", "tree")
    assert addresses.table(table) == AT + paths.table(table)
    assert addresses.product("environment.trees") == AT + paths.product("environment.trees")
    assert addresses.domain("environment") == AT + paths.domain("environment")
    assert addresses.column(table, "a b") == AT + paths.column(f"{table}.a b")
    assert addresses.source("survey") == AT + paths.source("survey")
    assert addresses.term('odd "key"') == AT + paths.term('odd "key"')


@pytest.mark.slow
def test_the_command_writes_a_file_and_says_what_is_missing_apart(made: Council, tmp_path):
    done = vestry(
        "export", "dcat", "-C", str(made.root), "--open", "--format", "json-ld", "-o", str(tmp_path / "dcat.json")
    )
    assert (
        done.returncode == 0
        and done.stdout == ""
        and "without a licence: it is told as INTERNAL (environment.odd)" in done.stderr
    )
    assert json.loads((tmp_path / "dcat.json").read_text())["@graph"][0]["@type"] == ["dcat:Catalog", "foaf:Document"]
    shown = vestry("export", "dcat", "-C", str(made.root))
    assert shown.stdout.startswith("@prefix") and "walks" in shown.stderr
    failed = vestry("export", "dcat", "-C", str(made.root), "-o", str(tmp_path / "no" / "dcat.ttl"))
    assert failed.returncode == 2 and "cannot be written" in failed.stderr
