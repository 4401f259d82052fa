"""ODPS descriptors: linted by the standard's own command, which brings the standard's JSON Schema."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from council import Council, vestry
from vestry.catalogue.export import Gap
from vestry.catalogue.export.odps import odps

pytestmark = pytest.mark.slow

AT = "https://data.testham.example.org"


@pytest.fixture(scope="module")
def gaps():
    return []


@pytest.fixture(scope="module")
def descriptors(catalogue, gaps):
    return odps(catalogue, gaps)


def faults(descriptor) -> list[str]:
    """What the schema of v1.0.0 that comes with dataproduct-cli says of it."""
    pytest.importorskip("dataproduct", reason="dataproduct-cli is not installed")
    from dataproduct.lint.schema import fetch_schema, schema_version_for
    from dataproduct.lint.validate import validate_against_schema

    assert schema_version_for(descriptor["apiVersion"]) == "1.0.0"
    checks = validate_against_schema(descriptor, fetch_schema(schema_version="1.0.0"), all_errors=True)
    return [check.reason for check in checks]


def test_every_descriptor_is_valid(descriptors, westmarsh):
    for descriptor in [*descriptors, *odps(westmarsh, [])]:
        assert faults(descriptor) == [], descriptor["id"]
    # The checker does find a fault.
    assert faults({**descriptors[0], "outputPorts": [{"name": "x"}]}) != []


def test_a_product_tells_its_ports_contracts_support_and_team(descriptors):
    odd, trees, walks = sorted(descriptors, key=lambda one: one["id"])
    assert trees["id"] == f"{AT}/products/environment/trees" and trees["domain"] == "Environment & parks"
    assert trees["outputPorts"] == [
        {
            "name": "tree",
            "description": "One row for each tree.",
            "type": "tables",
            "version": "2.1.0",
            "contractId": "environment-trees",
        }
    ]
    assert trees["support"] == [{"channel": "Tree line", "url": "mailto:trees@testham.example.org", "tool": "email"}]
    assert trees["team"] == {
        "name": "Tree team",
        "members": [{"username": "owner@testham.example.org", "role": "owner"}],
    }
    assert trees["managementPorts"][0]["url"] == trees["id"]
    assert trees["customProperties"] == [{"property": "sources", "value": ["survey"]}]
    assert odd["inputPorts"] == [{"name": "environment.trees", "version": "2.1.0", "contractId": "environment-trees"}]
    assert odd["outputPorts"][0]["inputContracts"] == [{"id": "environment-trees", "version": "2.1.0"}]
    assert "support" not in odd and "support" not in walks and walks["description"] == {"purpose": "Walks"}


def test_open_names_neither_closed_products_nor_source_systems(catalogue):
    (trees,) = odps(catalogue, [], only_open=True)
    assert trees["name"] == "Trees" and "inputPorts" not in trees and "customProperties" not in trees


def test_what_could_not_be_told_is_said(gaps):
    assert Gap("environment.odd", "a support channel without an address", "the channel is left out") in gaps


@pytest.mark.slow
def test_the_standards_own_command_reads_what_ours_writes(made: Council, tmp_path):
    pytest.importorskip("dataproduct", reason="dataproduct-cli is not installed")
    done = vestry("export", "odps", "-C", str(made.root))
    documents = list(yaml.safe_load_all(done.stdout))
    assert done.returncode == 0 and len(documents) == 3
    alone = vestry("export", "odps", "-C", str(made.root), "--open", "-o", str(tmp_path / "trees.odps.yaml"))
    assert alone.returncode == 0
    lint = [sys.executable, "-c", "from dataproduct.cli import main; main()", "lint"]
    said = subprocess.run([*lint, str(tmp_path / "trees.odps.yaml")], capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stdout + said.stderr
