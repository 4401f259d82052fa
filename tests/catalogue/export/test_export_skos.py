"""The glossary as SKOS: its integrity, and the columns that carry its terms."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from council import vestry
from vestry.catalogue.export import Gap
from vestry.catalogue.export.rdf import json_ld, turtle
from vestry.catalogue.export.skos import skos

pytestmark = pytest.mark.slow

AT = "https://data.testham.example.org"
SHAPES = Path(
    os.environ.get("DCAT_SHAPES") or Path(__file__).resolve().parents[4] / "shared/data/shapes/dcat-ap-3.0.1.ttl"
)


@pytest.fixture(scope="module")
def gaps():
    return []


@pytest.fixture(scope="module")
def nodes(catalogue, gaps):
    return skos(catalogue, gaps)


@pytest.fixture(scope="module")
def graph(nodes):
    import rdflib

    return rdflib.Graph().parse(data=turtle(nodes), format="turtle")


def test_a_term_is_a_concept_with_its_words_meaning_and_neighbours(nodes):
    found = {node["@id"]: node for node in nodes}
    tree = found[f"{AT}/glossary/tree"]
    assert tree["skos:prefLabel"] == {"@value": "Tree", "@language": "en"}
    assert [word["@value"] for word in tree["skos:altLabel"]] == ["Street tree", "Arbre"]
    assert tree["skos:definition"]["@value"] == "A plant with a trunk."
    assert tree["skos:broader"] == [{"@id": f"{AT}/glossary/plant"}] and tree["dct:source"] == {
        "@id": "https://example.org/trees"
    }
    assert found[tree["dct:contributor"]["@id"]]["foaf:name"] == "Tree officer"
    assert found[f"{AT}/glossary/plant"]["dct:source"] == "The Big Book"
    tops = {one["@id"].rpartition("/")[2] for one in found[f"{AT}/glossary"]["skos:hasTopConcept"]}
    assert tops == {"plant", "way", "odd%20%22key%22%2F%20%3Cx%3E"}


def test_the_columns_that_carry_a_term_are_of_it(graph):
    carried = graph.query(
        """SELECT ?name ?table ?label WHERE {
             ?column csvw:name ?name; dct:isPartOf ?table; dct:subject/skos:prefLabel ?label } ORDER BY ?name ?table"""
    )
    assert [(str(r.name), str(r.table).rpartition("/")[2], str(r.label)) for r in carried] == [
        ("tree", "environment.trees.tree", "Tree"),
        ("way", "bronze.survey.tree", "Way"),
        ("way", "environment.walks.walk", "Way"),
    ]


def test_the_conditions_of_skos_hold(graph, gaps):
    asks = {
        "S13: a label is both preferred and alternative": "?c skos:prefLabel ?l; skos:altLabel ?l",
        "S14: two preferred labels": "?c skos:prefLabel ?l, ?m FILTER(?l != ?m)",
        "S27: related, and also above": "?c skos:related ?d. ?c (skos:broader|^skos:narrower)+ ?d",
        "S27: above, and also related": "?d skos:related ?c. ?c (skos:broader|^skos:narrower)+ ?d",
        "a concept without a scheme": "?c a skos:Concept FILTER NOT EXISTS { ?c skos:inScheme ?s }",
        "a neighbour that is no concept": "?c skos:broader|skos:related ?d FILTER NOT EXISTS { ?d a skos:Concept }",
    }
    broken = [what for what, where in asks.items() if graph.query(f"ASK {{ {where} }}").askAnswer]
    assert broken == [] and len(list(graph.query("SELECT ?c { ?c a skos:Concept }"))) == 4
    # `plant` names as related what is narrower than it: that is left out, and said.
    assert [(gap.of, gap.what) for gap in gaps] == [("plant", "`tree` is both broader or narrower and related")]


def test_others_shapes_of_concepts_are_kept(graph):
    pyshacl = pytest.importorskip("pyshacl")
    if not SHAPES.is_file():
        pytest.skip("the shapes of DCAT-AP are not here")
    ok, _, said = pyshacl.validate(graph, shacl_graph=str(SHAPES))
    assert ok, said


def test_both_syntaxes_say_the_same_whatever_is_in_the_words(nodes, graph):
    import rdflib
    from rdflib.compare import isomorphic

    assert isomorphic(rdflib.Graph().parse(data=json_ld(nodes), format="json-ld"), graph)
    assert any(str(label).startswith('<script>alert("1 & 2")</script>') for label in graph.objects())


def test_open_shows_the_terms_and_the_columns_of_open_products_only(catalogue):
    nodes = skos(catalogue, [], only_open=True)
    assert [node["dct:isPartOf"]["@id"] for node in nodes if node["@type"] == "csvw:Column"] == [
        f"{AT}/tables/environment.trees.tree"
    ]


def test_a_project_without_a_glossary_has_an_empty_scheme(repairs):
    done = vestry("export", "skos", "-C", str(repairs.root))
    assert done.returncode == 0 and "a skos:ConceptScheme" in done.stdout
    assert "no terms: the glossary is told as empty (glossary.yaml)" in done.stderr


def test_westmarsh_has_a_scheme(westmarsh):
    found: list[Gap] = []
    assert skos(westmarsh, found)[0]["@type"] == "skos:ConceptScheme"
