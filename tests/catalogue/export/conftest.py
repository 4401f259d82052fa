"""A council whose products are open, closed, personal and badly described; run once for all tests of exports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from council import Council
from vestry.catalogue.live import Live
from vestry.catalogue.model import Catalogue
from vestry.project import load_project
from vestry.run.graph import graph_of

OGL = "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"
SETTINGS = 'code = "E06999002"\nurl = "https://data.testham.example.org/"\n'

TREES = f"""\
apiVersion: v3.1.0
kind: DataContract
id: environment-trees
name: Trees
version: 2.1.0
status: active
tags: [trees, parks]
description: {{purpose: Every tree of the council., usage: For everybody.}}
support:
  - {{channel: Tree line, url: "mailto:trees@testham.example.org", tool: email}}
team:
  name: Tree team
  members: [{{username: owner@testham.example.org, role: owner}}]
schema:
  - name: tree
    description: One row for each tree.
    properties:
      - {{name: tree, logicalType: string, classification: public, primaryKey: true, required: true, description: Its number.}}
      - {{name: species, logicalType: string, classification: public}}
    quality:
      - {{name: there are trees, metric: rowCount, mustBeGreaterThan: 0, dimension: completeness}}
slaProperties: [{{property: frequency, value: 3, unit: months}}]
customProperties:
  - {{property: accessRights, value: OPEN}}
  - {{property: licence, value: "{OGL}"}}
  - {{property: temporal, value: "2019-04-01/.."}}
"""

#: What people paste into descriptions, and what no syntax holds.
ODD = json.dumps(
    """<script>alert("1 & 2")</script> "quoted" \\ back\nnew line\ttab \a bell \0 nul ‘£’ 😀 ]]> {x} ${Y} '''""",
    ensure_ascii=False,
)

WALKS = """\
apiVersion: v3.1.0
kind: DataContract
id: environment-walks
version: 1.0.0
status: draft
schema:
  - name: walk
    properties:
      - {name: walker, logicalType: string}
      - {name: way, logicalType: string, classification: internal}
"""

PLACES = f"""\
apiVersion: v3.1.0
kind: DataContract
id: "places\\u0007-odd"
name: {ODD}
version: "1 \\"0\\""
status: "ac\\ntive"
tags: ["<b>", "a\\nb", " "]
description: {{purpose: {ODD}, limitations: {ODD}}}
support:
  - {{channel: "shout <out>", url: "javascript:alert(1)"}}
  - {{channel: none at all}}
team: {{name: {ODD}, members: [{{username: 'no "address" <x>', role: owner}}]}}
schema:
  - name: place
    description: {ODD}
    properties:
      - {{name: 'a "place" <b>#1?/%', logicalType: string, classification: public, description: {ODD}}}
slaProperties: [{{property: frequency, value: often, unit: d}}]
customProperties:
  - {{property: accessRights, value: OPEN}}
  - {{property: licence, value: "http://example.org/a b> <c"}}
  - {{property: securityClassification, value: "COSMIC"}}
  - {{property: temporal, value: "last year"}}
"""

GLOSSARY = f"""\
terms:
  tree:
    name: Tree
    definition: A plant with a trunk.
    synonyms: [Street tree, Arbre]
    owner: Tree officer
    broader: [plant]
    related: [way]
    source: https://example.org/trees
    columns: [environment.trees.tree.tree]
  plant: {{name: Plant, definition: "What grows.", related: [tree], source: The Big Book}}
  way: {{name: Way, definition: "Where one walks.", columns: way}}
  'odd "key"/ <x>': {{name: {ODD}, definition: {ODD}}}
"""


def write(council: Council) -> None:
    council.files("survey", "tree")
    council.drop("a.csv", "tree,species,walker,way\n1,Oak,Wanda Secret,North\n2,Elm,Walter Secret,South\n")
    council.write("vestry.toml", f'[council]\nname = "Testham Council"\n{SETTINGS}')
    council.write("glossary.yaml", GLOSSARY)
    council.write("domains/environment/domain.yaml", "name: Environment & parks\nowner: Jo Bloggs\n")
    council.write("domains/environment/trees/contract.yaml", TREES)
    council.write("domains/environment/trees/tree.sql", "SELECT tree, species FROM bronze.survey.tree")
    council.write("domains/environment/walks/contract.yaml", WALKS)
    council.write("domains/environment/walks/walk.sql", "SELECT walker, way FROM bronze.survey.tree")
    council.write("domains/environment/odd/contract.yaml", PLACES)
    council.write(
        "domains/environment/odd/place.sql", """SELECT tree AS "a ""place"" <b>#1?/%" FROM environment.trees.tree"""
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Council:
    """The council, run."""
    council = Council(tmp_path_factory.mktemp("export") / "testham")
    write(council)
    council.good()
    return council


@pytest.fixture(scope="module")
def catalogue(made: Council) -> Catalogue:
    return Live(made.root).catalogue()


@pytest.fixture(scope="session")
def westmarsh() -> Catalogue:
    """Westmarsh as it is written, before anything ran: its systems are not there."""
    import vestry.demo
    from vestry.catalogue.model import catalogue_of

    project = load_project(Path(vestry.demo.__file__).with_name("project"))
    return catalogue_of(project, graph_of(project), {})
