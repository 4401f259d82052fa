"""Another's catalogue, harvested."""

from __future__ import annotations

import json

import pytest

from council import Council
from servers.catalogue import CatalogueServer

pytestmark = pytest.mark.slow

DATASET, DISTRIBUTION = "bronze.county.dataset", "bronze.county.distribution"


@pytest.fixture
def server():
    made = CatalogueServer().start()
    yield made
    made.stop()


def package(n: int, modified: str = "2024-01-31T10:00:00", organisation: str = "county", **more):
    return {
        "id": f"p{n:03}",
        "name": f"trees-{n}",
        "title": f"Trees {n}",
        "notes": "All trees of the county.",
        "organization": {"name": organisation, "title": organisation.title() + " Council"},
        "license_id": "uk-ogl",
        "metadata_modified": modified,
        "tags": [{"display_name": "trees"}],
        "resources": [
            {"id": f"r{n}", "name": "CSV", "url": f"https://example.org/{n}.csv", "format": "CSV", "size": 10}
        ],
        **more,
    }


def source(council: Council, server: CatalogueServer, kind: str = "ckan", path: str = "", extra: str = "") -> None:
    council.source(
        "county",
        f"connector: catalogue\nurl: {server.url}{path}\nkind: {kind}\nevery: 0s\n{extra}tables:\n  dataset:\n  distribution:\n",
    )


def failed(council: Council) -> str:
    outcome = council.run()[DATASET]
    assert outcome.status == "failed"
    return str(outcome.error)


def test_a_ckan_catalogue_comes_page_by_page(council, server):
    server.packages, server.most = [package(n) for n in range(7)], 3
    source(council, server)
    council.good()
    assert council.rows(f"SELECT id, title, publisher, licence, modified FROM {DATASET} ORDER BY id LIMIT 1") == [
        ("p000", "Trees 0", "County Council", "uk-ogl", "2024-01-31T10:00:00")
    ]
    assert council.one(f"SELECT landing_page FROM {DATASET} WHERE id = 'p001'") == f"{server.url}/dataset/trees-1"
    assert council.one(f"SELECT record->>'notes' FROM {DATASET} LIMIT 1") == "All trees of the county."
    assert council.rows(f"SELECT dataset_id, url, format, bytes FROM {DISTRIBUTION} ORDER BY id LIMIT 1") == [
        ("p000", "https://example.org/0.csv", "CSV", "10")
    ]
    assert council.one(f"SELECT count(*) FROM {DISTRIBUTION}") == 7


def test_whether_it_changed_costs_one_small_question(council, server):
    server.packages = [package(n) for n in range(3)]
    source(council, server)
    council.good()
    server.asked.clear()
    assert council.plan() == {}
    assert len(server.asked) == 2 and all("rows=1&" in asked for asked in server.asked)
    server.packages[1] |= {"title": "Trees and shrubs", "metadata_modified": "2024-02-01T09:00:00"}
    del server.packages[2]
    council.good()
    assert council.rows(f"SELECT id, title FROM {DATASET} ORDER BY id") == [
        ("p000", "Trees 0"),
        ("p001", "Trees and shrubs"),
    ]
    assert council.one(f"SELECT count(*) FROM {DISTRIBUTION}") == 2
    assert council.plan() == {}


def test_only_what_is_asked_for_is_harvested(council, server):
    server.packages = [package(1), package(2, organisation="city")]
    source(council, server, extra="only: organization:city\n")
    council.good()
    assert council.rows(f"SELECT id FROM {DATASET}") == [("p002",)]


def test_what_is_no_dataset_is_rejected_and_counted(council, server):
    server.packages = [package(1), "broken"]
    server.search = lambda query: {"success": True, "result": {"count": 2, "results": [package(1), "broken"]}}  # type: ignore[method-assign]
    source(council, server)
    council.good()
    record = council.record(DATASET)
    assert (record["rows_in"], record["loaded"], record["rejected"]) == (2, 1, 1)


def test_a_catalogue_that_gives_less_than_it_counts_loads_nothing(council, server):
    server.packages = [package(1)]
    source(council, server)
    council.good()
    server.packages[0]["metadata_modified"] = "2024-03-01T00:00:00"
    server.beyond = 1
    assert "counts 2 datasets and gave 1" in failed(council)
    assert council.one(f"SELECT count(*) FROM {DATASET}") == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"success": False},
        {"success": True, "result": {"count": 1}},
        [],
        {"success": True, "result": {"count": "x", "results": []}},
    ],
)
def test_an_answer_that_is_none_of_ckans_loads_nothing(council, server, answer):
    server.search = lambda query: answer  # type: ignore[method-assign]
    source(council, server)
    assert "none of CKAN's" in failed(council)


DATA_JSON = {
    "@context": "https://project-open-data.cio.gov/v1.1/schema/catalog.jsonld",
    "@type": "dcat:Catalog",
    "dataset": [
        {
            "@type": "dcat:Dataset",
            "identifier": "https://example.org/trees",
            "title": "Trees",
            "publisher": {"name": "County Council"},
            "contactPoint": {"@type": "vcard:Contact", "fn": "Open data", "hasEmail": "mailto:data@example.org"},
            "license": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
            "modified": "2024-01-31",
            "keyword": ["trees", "parks"],
            "distribution": [
                {"@type": "dcat:Distribution", "mediaType": "text/csv", "downloadURL": "https://example.org/trees.csv"}
            ],
        },
        {"identifier": "bins", "title": "Bins"},
    ],
}
JSON_LD = {
    "@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/"},
    "@graph": [
        {"@id": "https://example.org/trees", "@type": "dcat:Dataset",
         "dct:title": [{"@value": "Coed", "@language": "cy"}, {"@value": "Trees", "@language": "en"}],
         "dct:publisher": {"@id": "https://example.org/council"},
         "dct:license": {"@id": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"},
         "dct:modified": {"@value": "2024-01-31", "@type": "xsd:date"},
         "dcat:keyword": ["trees", "parks"],
         "dcat:contactPoint": {"vcard:hasEmail": {"@id": "mailto:data@example.org"}},
         "dcat:distribution": {"@id": "https://example.org/trees/csv"}},
        {"@id": "https://example.org/council", "foaf:name": "County Council"},
        {"@id": "https://example.org/trees/csv", "@type": "dcat:Distribution",
         "dcat:mediaType": {"@id": "https://www.iana.org/assignments/media-types/text/csv"},
         "dcat:downloadURL": {"@id": "https://example.org/trees.csv"}},
        {"@id": "bins", "@type": ["dcat:Dataset"], "dct:title": "Bins"},
    ],
}  # fmt: skip
TURTLE = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> . @prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix vcard: <http://www.w3.org/2006/vcard/ns#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<https://example.org/trees> a dcat:Dataset ; dct:title "Coed"@cy, "Trees"@en ; dct:modified "2024-01-31"^^xsd:date ;
  dct:publisher [ a foaf:Agent ; foaf:name "County Council" ] ; dcat:keyword "trees", "parks" ;
  dcat:contactPoint [ vcard:hasEmail <mailto:data@example.org> ] ;
  dct:license <https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/> ;
  dcat:distribution [ a dcat:Distribution ; dcat:mediaType <https://www.iana.org/assignments/media-types/text/csv> ;
                      dcat:downloadURL <https://example.org/trees.csv> ] .
<bins> a dcat:Dataset ; dct:title "Bins" .
"""
RDF_XML = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dcat="http://www.w3.org/ns/dcat#"
  xmlns:dct="http://purl.org/dc/terms/" xmlns:foaf="http://xmlns.com/foaf/0.1/" xmlns:v="http://www.w3.org/2006/vcard/ns#">
  <dcat:Dataset rdf:about="https://example.org/trees"><dct:title xml:lang="en">Trees</dct:title><dct:modified>2024-01-31</dct:modified>
    <dct:publisher><foaf:Agent><foaf:name>County Council</foaf:name></foaf:Agent></dct:publisher>
    <dcat:keyword>trees</dcat:keyword><dcat:keyword>parks</dcat:keyword>
    <dcat:contactPoint><v:Kind><v:hasEmail rdf:resource="mailto:data@example.org"/></v:Kind></dcat:contactPoint>
    <dct:license rdf:resource="https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"/>
    <dcat:distribution><dcat:Distribution><dcat:mediaType rdf:resource="https://www.iana.org/assignments/media-types/text/csv"/>
      <dcat:downloadURL rdf:resource="https://example.org/trees.csv"/></dcat:Distribution></dcat:distribution></dcat:Dataset>
  <dcat:Dataset rdf:about="https://example.org/bins"><dct:title>Bins</dct:title></dcat:Dataset>
</rdf:RDF>"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/json", json.dumps(DATA_JSON)),
        ("application/ld+json", json.dumps(JSON_LD)),
        ("text/turtle", TURTLE),
        ("application/rdf+xml", RDF_XML),
    ],
)
def test_dcat_says_the_same_in_every_dress(council, server, kind, content):
    server.files["/catalogue"] = (kind, content.encode())
    source(council, server, "dcat", "/catalogue")
    council.good()
    columns = "id, title, publisher, licence, modified, contact"
    assert council.rows(f"SELECT {columns} FROM {DATASET} WHERE title = 'Trees'") == [
        (
            "https://example.org/trees",
            "Trees",
            "County Council",
            "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
            "2024-01-31",
            "mailto:data@example.org",
        )
    ]
    assert sorted(json.loads(council.one(f"SELECT keywords FROM {DATASET} WHERE title = 'Trees'"))) == [
        "parks",
        "trees",
    ]
    assert council.one(f"SELECT count(*) FROM {DATASET}") == 2
    assert council.rows(f"SELECT dataset_id, url, media_type FROM {DISTRIBUTION}") == [
        ("https://example.org/trees", "https://example.org/trees.csv", "text/csv")
    ]
    server.asked.clear()
    assert council.plan() == {}
    assert server.asked == ["HEAD /catalogue"] * 2


def test_a_catalogue_in_pages_is_followed_on_its_own_server(council, server):
    def page(n: int, following: str) -> tuple[str, bytes]:
        hydra = (
            f"<{server.url}/c.ttl?page={n}> <http://www.w3.org/ns/hydra/core#next> <{following}> ." if following else ""
        )
        return (
            "text/turtle",
            f'<d{n}> a <http://www.w3.org/ns/dcat#Dataset> ; <http://purl.org/dc/terms/title> "D{n}" . {hydra}'.encode(),
        )

    server.files["/c.ttl"] = page(1, f"{server.url}/c.ttl?page=2")
    server.files["/c.ttl?page=2"] = page(2, "")
    source(council, server, "dcat", "/c.ttl")
    council.run()
    assert council.rows(f"SELECT title FROM {DATASET} ORDER BY 1") == [("D1",), ("D2",)]
    server.files["/c.ttl"] = page(1, "http://127.0.0.2:1/c.ttl")
    assert "another server" in failed(council)


@pytest.mark.parametrize(
    "content", [b"<!DOCTYPE html><html>log in</html>", b"{}", b'{"dataset": [', b"", b"<a> <b> .", b"\0\1\2"]
)
def test_what_is_no_catalogue_loads_nothing(council, server, content):
    server.files["/catalogue"] = ("text/html", content)
    source(council, server, "dcat", "/catalogue")
    assert "no DCAT catalogue" in failed(council)


def test_rdf_that_would_expand_is_refused(council, server):
    bomb = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha">]><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">&a;</rdf:RDF>'
    server.files["/c.rdf"] = ("application/rdf+xml", bomb.encode())
    source(council, server, "dcat", "/c.rdf")
    assert "DOCTYPE" in failed(council)


def test_a_server_that_is_down_is_told(council, server):
    source(council, server, "dcat", "/nothing")
    assert "status 404" in failed(council)


def test_keys_that_do_not_fit_are_told(council, server):
    source(council, server, "dcat", "/x", extra="only: organization:x\n")
    done = council.cli("check")
    assert done.returncode == 2 and "`only` is of CKAN" in done.stdout + done.stderr
