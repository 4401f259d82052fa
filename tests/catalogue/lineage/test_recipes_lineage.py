"""The lineage of Westmarsh's own recipes, of every kind, and what is remembered of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from council import Council
from vestry.catalogue.lineage import WHOLE, ColumnName, LineageGraph, Lineages, lineage_graph
from vestry.catalogue.lineage import kept as kept_module
from vestry.project import TableName, load_project
from vestry.run.graph import graph_of

pytestmark = pytest.mark.slow

WESTMARSH = Path(__file__).parents[3] / "src/vestry/demo/project"


def read(root: Path, lineages: Lineages | None = None, bronze=()) -> LineageGraph:
    """The lineage of a project of which nothing was loaded, but for the columns of `bronze`."""
    project = load_project(root)
    known = {TableName.parse(name): columns for name, columns in dict(bronze).items()}
    promised = {name: [c.name for c in table.contract.columns] for name, table in project.tables.items()}
    inputs = {name: step.inputs for name, step in graph_of(project).steps.items()}
    return lineage_graph(project, inputs, lambda name: {**promised, **known}.get(name, ()), lineages)


@pytest.fixture(scope="module")
def westmarsh(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("lineage") / "westmarsh"
    shutil.copytree(WESTMARSH, root)
    return root


@pytest.fixture(scope="module")
def graph(westmarsh: Path) -> LineageGraph:
    return read(westmarsh)


def column(text: str) -> ColumnName:
    parts = text.split(".")
    return ColumnName(TableName(*parts[:3]), parts[3] if len(parts) > 3 else WHOLE)


def made_of(graph: LineageGraph, text: str) -> set[str]:
    return {str(name) for name in graph.next(column(text), "up")}


@pytest.mark.slow
def test_every_recipe_of_westmarsh_is_read_exactly(graph, westmarsh):
    tables = load_project(westmarsh).tables
    # Its QUALIFY names `quarter_end`, which it makes, and which the file of claims may have too: nobody has loaded it.
    assert {str(n) for n in tables if not graph.lineage[n].exact} == {"revenues.benefits.claim_quarter"}
    assert {t.kind for t in tables.values()} >= {"sql", "snapshot.yaml", "match.yaml", "uprn.yaml"}


@pytest.mark.slow
def test_once_the_claims_are_loaded_all_of_it_is_exact(westmarsh, tmp_path):
    claims = ["claim_ref", "out_of_work", "overpayment_debt", "debt_plan", "dependants", "_source", "_row"]
    graph = read(westmarsh, Lineages(tmp_path), {"bronze.benefits.claim": claims})
    assert graph.lineage[TableName.parse("revenues.benefits.claim_quarter")].exact


@pytest.mark.slow
def test_every_promised_column_has_its_lineage(graph, westmarsh):
    for name, table in load_project(westmarsh).tables.items():
        assert set(graph.lineage[name].columns) >= {c.name for c in table.contract.columns}


def test_the_cost_of_a_repair_leads_to_the_contractors_spreadsheets(graph):
    assert made_of(graph, "housing.repairs.repair.cost") == {
        "bronze.repairs.fixwell.value",
        "bronze.repairs.brightspark.labour",
        "bronze.repairs.brightspark.materials",
        "bronze.repairs.mendit.cost",
        "bronze.repairs.mendit.net",
        "bronze.repairs.mendit.vat",
    }
    assert {name.shown for name in graph.origins(column("housing.repairs.repair.cost"))} == {
        "“Invoice Value” in fixwell/*.csv of repairs",
        "“Value (GBP)” in fixwell/*.csv of repairs",
        "“Cost Labour” in brightspark/*.xlsx of repairs",
        "“Cost Materials” in brightspark/*.xlsx of repairs",
        "“Cost £” in mendit/*.csv of repairs",
        "“Net £” in mendit/*.csv of repairs",
        "“VAT £” in mendit/*.csv of repairs",
    }


def test_a_snapshot_is_made_of_its_feed_by_its_key_and_order(graph):
    feed = "bronze.planning.application_change"
    assert made_of(graph, "planning.applications.application.ward_name") == {f"{feed}.ward"}
    rows = {str(n) for n in graph.lineage[TableName.parse("planning.applications.application")].rows}
    assert rows >= {f"{feed}.reference", f"{feed}.changed_at", f"{feed}.change"}
    assert made_of(graph, "planning.applications.application_history.valid_to") == {f"{feed}.changed_at"}


def test_a_golden_record_leads_to_the_systems_that_told_it(graph):
    systems = {name.table.product for name in graph.origins(column("people.index.person.email"))}
    assert systems == {"northgate", "academy"}
    assert made_of(graph, "people.index.person_record.email") == {
        "housing.tenancies.person.email",
        "revenues.council_tax.person.email",
    }
    # What records are compared by decides whose they are, and makes no person's number.
    event = graph.lineage[TableName.parse("people.index.person_event")].columns["person_id"]
    assert column("childrens.social_care.person.surname") in event.by - event.of


def test_a_matched_uprn_is_the_gazetteers_and_the_addresses_decide_it(graph):
    uprn = graph.lineage[TableName.parse("places.matched.address")].columns["uprn"]
    assert column("places.gazetteer.address.uprn") in uprn.of
    assert column("bronze.adults.contact.address") in uprn.by


def test_what_a_column_going_breaks_is_what_follows_from_it(graph):
    impact = graph.impact(column("bronze.repairs.fixwell.value"))
    assert {str(n) for n in impact.columns} == {"housing.repairs.repair.cost", "community.wards.profile.repair_cost"}
    assert {"housing.repairs.repair", "community.wards.profile"} <= {str(t) for t in impact.tables}
    assert "places.gazetteer.address" not in {str(t) for t in impact.tables}


class TestPython:
    RECIPE = 'INPUTS = {"job": "bronze.repairs.job"}\n\n\ndef build(job):\n    return job.project("ref, n AS cost")\n'

    def made(self, council: Council, **more: str) -> LineageGraph:
        council.files()
        columns = {"ref": "logicalType: string", "cost": "logicalType: string"}
        columns = {name: f"{rest}{more.get(name, '')}" for name, rest in columns.items()}
        council.product("housing.repairs", columns, repair_py=self.RECIPE)
        return read(council.root)

    def test_what_nobody_declared_is_known_as_far_as_the_table(self, council):
        graph = self.made(council, ref=", transformSourceObjects: [bronze.repairs.job.ref]")
        lineage = graph.lineage[TableName.parse("housing.repairs.repair")]
        assert not lineage.exact
        assert lineage.why == "the contract does not say what `cost` is made of"
        assert made_of(graph, "housing.repairs.repair.ref") == {"bronze.repairs.job.ref"}
        assert made_of(graph, "housing.repairs.repair.cost") == {"bronze.repairs.job"}

    def test_what_the_contract_declares_is_followed(self, council):
        graph = self.made(
            council,
            ref=", transformSourceObjects: [bronze.repairs.job.ref]",
            cost=", transformSourceObjects: [bronze.repairs.job.n]",
        )
        assert made_of(graph, "housing.repairs.repair.cost") == {"bronze.repairs.job.n"}
        assert [str(n) for n in graph.next(column("bronze.repairs.job.n"), "down")] == ["housing.repairs.repair.cost"]


def test_sql_that_cannot_be_read_is_known_as_far_as_its_inputs(council):
    council.files()
    council.product("housing.repairs", {"ref": "logicalType: string"}, repair_sql="SELECT ref FROM bronze.repairs.job")
    project = load_project(council.root)
    table = project.tables[TableName.parse("housing.repairs.repair")]
    table.recipe.write_text("SELECT ref FROM bronze.repairs.job WHERE (")
    found = Lineages(project.state).of([table], {table.name: [TableName.parse("bronze.repairs.job")]}, lambda name: ())
    assert not found[table.name].exact
    assert "does not parse" in found[table.name].why
    assert {str(n) for n in found[table.name].columns["ref"].of} == {"bronze.repairs.job"}


class TestWhatIsRemembered:
    @pytest.fixture
    def readings(self, monkeypatch) -> list[str]:
        """The tables whose recipes were read, as they are."""
        done: list[str] = []
        real = kept_module.read_lineage

        def reading(table, inputs, columns_of):
            done.append(str(table.name))
            return real(table, inputs, columns_of)

        monkeypatch.setattr(kept_module, "read_lineage", reading)
        return done

    def test_the_same_lineage_comes_from_the_cache(self, westmarsh, graph, readings):
        assert read(westmarsh).lineage == graph.lineage
        assert readings == []

    def test_after_a_change_only_that_recipe_is_read(self, westmarsh, graph, readings):
        recipe = westmarsh / "domains/housing/repairs/repair.sql"
        before = recipe.read_text()
        try:
            recipe.write_text(before.replace("money(value) ", "money(value) + 1 "))
            read(westmarsh)
            assert readings == ["housing.repairs.repair"]
        finally:
            recipe.write_text(before)

    def test_where_an_input_has_other_columns_its_readers_are_read(self, westmarsh, graph, readings):
        read(westmarsh, bronze={"bronze.repairs.fixwell": ["job_ref"]})
        assert readings == ["housing.repairs.repair"]

    def test_a_cache_that_is_no_cache_is_made_anew(self, council, readings):
        council.files()
        council.product(
            "housing.repairs", {"ref": "logicalType: string"}, repair_sql="SELECT ref FROM bronze.repairs.job"
        )
        kept = council.root / ".vestry/lineage.json"
        for broken in ("", "[]", '{"a": 1}'):
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(broken)
            assert made_of(read(council.root), "housing.repairs.repair.ref") == {"bronze.repairs.job.ref"}
        key = next(iter(json.loads(kept.read_text())))
        kept.write_text(json.dumps({key: ["not", "lineage"]}))
        assert made_of(read(council.root), "housing.repairs.repair.ref") == {"bronze.repairs.job.ref"}
        assert readings == ["housing.repairs.repair"] * 4
