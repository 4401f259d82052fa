"""What ran, as OpenLineage events: each step of each run, and each audit, with what it read and what it made.

The ledger of runs says what happened; the project says what a step reads. What is only known of a table as it stands,
such as its columns, goes with the run that made it so. An event's run has the same id each time that it is told.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from vestry.catalogue.export.addresses import Addresses
from vestry.catalogue.export.described import plain
from vestry.catalogue.lineage.graph import LineageGraph
from vestry.catalogue.lineage.kept import Lineages
from vestry.catalogue.lineage.live import lineage_of
from vestry.catalogue.lineage.model import SYSTEM_OF_RECORD, WHOLE
from vestry.catalogue.model import Catalogue, TableEntry
from vestry.lake import Lake
from vestry.lake.ledger import entries
from vestry.project import TableName, VestryError
from vestry.run.execute import STEPS

Event = dict[str, Any]

_SPEC = "https://openlineage.io/spec"
_ENDS = {"done": "COMPLETE", "failed": "FAIL", "blocked": "ABORT"}
#: The versions of the facets that are written.
_FACETS = {
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet",
    "dataQualityAssertions": "1-1-0/DataQualityAssertionsDatasetFacet",
    "dataSource": "1-0-1/DatasourceDatasetFacet",
    "documentation": "1-1-0/DocumentationDatasetFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "jobType": "2-0-4/JobTypeJobFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "ownership": "1-0-1/OwnershipDatasetFacet",
    "parent": "1-2-0/ParentRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
    "schema": "1-2-0/SchemaDatasetFacet",
    "sql": "1-1-0/SQLJobFacet",
    "version": "1-0-1/DatasetVersionDatasetFacet",
}


def openlineage(catalogue: Catalogue, lake: Lake, since: datetime | None = None) -> list[Event]:
    """The events of what ended since then (or ever), in the order of their times."""
    from vestry.products.quality import RESULTS

    when = "IS NOT NULL"
    if since:
        # By number: a timestamp's text is taken for nanoseconds, which end in 2262.
        microseconds = (since - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        when = f""">= arrow_cast({microseconds}, 'Timestamp(Microsecond, Some("UTC"))')"""
    writer = _Writer(catalogue, lineage_of(catalogue, Lineages(catalogue.project.state)))
    events = [event for row in entries(lake, STEPS, f"ended_at {when}") for event in writer.step(row)]
    audits: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in entries(lake, RESULTS, f"checked_at {when}"):
        audits[row["run"], row["table_name"]].append(row)
    for rows in audits.values():
        events += writer.audit(rows)
    return sorted(events, key=lambda event: (event["eventTime"], event["eventType"] != "START"))


class _Writer:
    """Writes the events of one catalogue."""

    def __init__(self, catalogue: Catalogue, lineage: LineageGraph) -> None:
        self.catalogue, self.addresses, self.lineage = catalogue, Addresses(catalogue), lineage
        self.namespace = self.addresses.catalogue
        self.version = version("vestry")
        self.producer = f"urn:vestry:platform:{self.version}"

    def step(self, row: Mapping[str, Any]) -> Iterator[Event]:
        """The start and the end of a row of `vestry.runs.step`."""
        name = TableName.parse(row["table_name"])
        entry = self.catalogue.tables.get(name)
        # How the table stands, where it stands as this run left it.
        state = entry.state if entry and entry.state and entry.state.record.get("run") == row["run"] else None
        end = state.written if state else row["ended_at"]
        start = end - timedelta(seconds=row["seconds"] or 0)
        job = self._job(str(name), row["kind"].upper())
        if entry and state and entry.kind == "sql":
            job["facets"] |= self._facet("sql", query=self._recipe(entry), dialect="duckdb")
        inputs = self._inputs(name, entry)
        yield self._event("START", start, row["run"], str(name), job, inputs, [self._dataset(name)])
        output = self._dataset(name, entry if state else None)
        run: dict[str, Any] = {}
        if row["status"] != "done":
            run = self._facet(
                "errorMessage", message=plain(row["detail"] or row["status"]), programmingLanguage="PYTHON"
            )
        if row["status"] == "done" or state:
            size = {"size": state.size} if state else {}
            output["outputFacets"] = self._facet("outputStatistics", rowCount=row["row_count"], **size)
        kind = _ENDS.get(row["status"], "OTHER")
        yield self._event(kind, end, row["run"], str(name), job, inputs, [output], run)

    def audit(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Event]:
        """The start and the end of the audit whose rows of `vestry.quality.result` these are."""
        name, run, at = TableName.parse(rows[0]["table_name"]), rows[0]["run"], rows[0]["checked_at"]
        job = self._job(f"{name}.audit", "AUDIT")
        audited = self._dataset(name)
        audited["inputFacets"] = self._facet("dataQualityAssertions", assertions=[_assertion(row) for row in rows])
        for kind in ("START", "COMPLETE"):
            yield self._event(
                kind, at, run, f"{name}.audit", job, [audited if kind == "COMPLETE" else self._dataset(name)]
            )

    def _event(
        self,
        kind: str,
        at: datetime,
        run: str,
        of: str,
        job: dict[str, Any],
        inputs: list[dict[str, Any]],
        outputs: Sequence[dict[str, Any]] = (),
        facets: Mapping[str, Any] | None = None,
    ) -> Event:
        parent = {"run": {"runId": self._id(run)}, "job": {"namespace": self.namespace, "name": "run"}}
        engine = self._facet("processing_engine", version=self.version, name="vestry")
        return {
            "eventType": kind,
            "eventTime": at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "producer": self.producer,
            "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {
                "runId": self._id(run, of),
                "facets": {**self._facet("parent", **parent), **engine, **(facets or {})},
            },
            "job": job,
            "inputs": inputs,
            "outputs": list(outputs),
        }

    def _id(self, *parts: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join([self.namespace, *parts])))

    def _job(self, name: str, kind: str) -> dict[str, Any]:
        facets = self._facet("jobType", processingType="BATCH", integration="VESTRY", jobType=kind)
        return {"namespace": self.namespace, "name": name, "facets": facets}

    def _inputs(self, name: TableName, entry: TableEntry | None) -> list[dict[str, Any]]:
        """What a step reads: other tables, and for a load the table of its source."""
        inputs = [self._dataset(other) for other in (entry.inputs if entry else ())]
        if name.is_bronze:
            source = self.addresses.source(name.product)
            facets = self._facet("dataSource", name=name.product, uri=source)
            inputs.append({"namespace": source, "name": name.table, "facets": facets})
        return inputs

    def _dataset(self, name: TableName, entry: TableEntry | None = None) -> dict[str, Any]:
        """A table of the lake; with its entry, as it stands."""
        facets = self._facet("dataSource", name="lake", uri=self.namespace)
        if entry:
            columns = [
                {"name": plain(c.name), "type": c.type, "description": c.description and plain(c.description)}
                for c in entry.columns
            ]
            fields = [{key: value for key, value in column.items() if value} for column in columns]
            facets |= self._facet("schema", fields=fields)
            if made_of := self._columns(entry):
                facets |= self._facet("columnLineage", fields=made_of)
            if entry.description:
                facets |= self._facet("documentation", description=plain(entry.description))
            if entry.owner:
                facets |= self._facet("ownership", owners=[{"name": plain(entry.owner)}])
            if entry.state:
                facets |= self._facet("version", datasetVersion=str(entry.state.version))
        return {"namespace": self.namespace, "name": str(name), "facets": facets}

    def _columns(self, entry: TableEntry) -> dict[str, Any]:
        """The columns of the lake that each column is made of, and those that only decide which value it has."""
        lineage = self.lineage.lineage.get(entry.name)
        found: dict[str, Any] = {}
        for column, origin in (lineage.columns if lineage else {}).items():
            fields = [
                {
                    "namespace": self.namespace,
                    "name": str(ref.table),
                    "field": plain(ref.column),
                    "transformations": [{"type": kind}],
                }
                for kind, refs in (("DIRECT", origin.of), ("INDIRECT", origin.by - origin.of))
                for ref in sorted(refs)
                if ref.column != WHOLE and ref.table.domain != SYSTEM_OF_RECORD
            ]
            if fields:
                found[plain(column)] = {"inputFields": fields}
        return found

    def _recipe(self, entry: TableEntry) -> str:
        return plain((self.catalogue.project.root / entry.made_by).read_text("utf-8", "replace"))

    def _facet(self, name: str, /, **said: Any) -> dict[str, Any]:
        file = _FACETS[name]
        address = f"{_SPEC}/facets/{file}.json#/$defs/{file.rpartition('/')[2]}"
        return {name: {"_producer": self.producer, "_schemaURL": address, **said}}


def _assertion(row: Mapping[str, Any]) -> dict[str, Any]:
    """A rule and whether it held. What was found is left out: a rule of one's own may ask for anything."""
    said = {
        "assertion": row["dimension"] or "custom",
        "success": row["passed"],
        "column": row["column_name"],
        "severity": "error" if row["severity"] == "error" else "warn",
        "name": plain(row["rule"]),
        "expected": row["expected"],
    }
    return {key: value for key, value in said.items() if value is not None}


def post(events: Sequence[Event], url: str, key: str | None = None) -> None:
    """Send events to a receiver, one by one in their order; `key` is its API key.

    Raises VestryError that says how many were taken, and nothing that the receiver answered.
    """
    from urllib.parse import urlsplit

    import requests

    if key and urlsplit(url).scheme != "https" and urlsplit(url).hostname not in ("localhost", "127.0.0.1", "::1"):
        raise VestryError("an API key is sent over https only", url, "unset OPENLINEAGE_API_KEY, or use https")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with requests.Session() as session:
        for taken, event in enumerate(events):
            try:
                answer = session.post(url, json=event, headers=headers, timeout=20, allow_redirects=False)
                why = "" if answer.status_code in range(200, 300) else f"it answered {answer.status_code}"
            except requests.RequestException as error:
                why = f"it could not be reached ({type(error).__name__})"
            if why:
                mend = "send them again: who has an event takes it as the same"
                raise VestryError(f"{why}; {taken:,} of {len(events):,} events were taken", _shown(url), mend)


def _shown(url: str) -> str:
    """The address without what may be secret in it."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
