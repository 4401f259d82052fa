"""The entity sets that a reader sees, one for each table, and what `$metadata` says of them (CSDL 4.0)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from vestry.catalogue.model import TableEntry
from vestry.governance.access.release import COUNT, PLACE
from vestry.governance.access.treatment import Treatment
from vestry.governance.access.view import View
from vestry.project import TableName, quote
from vestry.serve.rows.shapes import Columns, Shape, json_object, json_value

NAMESPACE = "vestry"
_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM = "http://docs.oasis-open.org/odata/ns/edm"
_VOCABULARIES = "https://oasis-tcs.github.io/odata-vocabularies/vocabularies/"
_CAPABILITIES = "Org.OData.Capabilities.V1"
_TYPES = {
    "BOOLEAN": "Edm.Boolean",
    "TINYINT": "Edm.SByte",
    "SMALLINT": "Edm.Int16",
    "INTEGER": "Edm.Int32",
    "BIGINT": "Edm.Int64",
    "FLOAT": "Edm.Single",
    "DOUBLE": "Edm.Double",
    "DATE": "Edm.Date",
    "TIMESTAMP": "Edm.DateTimeOffset",
    "TIMESTAMP WITH TIME ZONE": "Edm.DateTimeOffset",
    "VARCHAR": "Edm.String",
    "BLOB": "Edm.Binary",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)\Z")
#: The key of rows that have none of their own: it says where a row stands, and holds for one version of the table.
PLACE_KEY = "_key"


@dataclass(frozen=True)
class Property:
    """A column as a property; what has parts is its JSON as text."""

    name: str
    column: str
    kind: str
    meaning: str | None
    personal: bool

    @property
    def type(self) -> str:
        return "Edm.Decimal" if _DECIMAL.match(self.kind) else _TYPES.get(self.kind, "Edm.String")


@dataclass(frozen=True)
class EntitySet:
    """One table; without `keys` among its properties its key is `PLACE_KEY`."""

    name: str
    table: TableName
    meaning: str | None
    properties: tuple[Property, ...]
    keys: tuple[str, ...]

    @property
    def columns(self) -> dict[str, str]:
        """The column of each property."""
        return {p.name: p.column for p in self.properties}


def entity_set(entry: TableEntry, view: View) -> EntitySet:
    """A table as its reader sees it."""
    shown = {column.name: column for column in view.columns}
    taken: dict[str, str] = {}
    for name in shown:
        taken[name] = _identifier(name, taken.values())
    properties = [
        Property(taken[name], name, column.shown_kind, entry.by_name[name].description, entry.by_name[name].is_personal)
        for name, column in shown.items()
    ]
    if view.statistics:
        properties.append(Property(COUNT, COUNT, "BIGINT", "How many rows, rounded", False))
    keys = [column.name for column in entry.columns if column.is_key]
    exact = (Treatment.CLEAR, Treatment.HASHED)
    has_keys = bool(keys) and all(k in shown and shown[k].treatment in exact for k in keys) and not view.statistics
    return EntitySet(
        "__".join((entry.name.domain, entry.name.product, entry.name.table)),
        entry.name,
        entry.description,
        tuple(properties),
        tuple(taken[key] for key in keys) if has_keys else (),
    )


def shape(entities: EntitySet, is_exact: bool) -> Shape:
    """Rows as OData's JSON; with `is_exact` numbers that JavaScript rounds are texts (IEEE754Compatible)."""
    properties = {p.column: p for p in entities.properties}

    def made(columns: Columns) -> list[tuple[str, str]]:
        values = [(properties[name].name, _value(properties[name], is_exact)) for name, _ in columns]
        if not entities.keys:
            file, row = map(quote, PLACE)
            values.insert(0, (PLACE_KEY, f"concat({file}, '-', {row})"))
        return [("json", json_object(values))]

    return Shape("odata", made)


def metadata(sets: Sequence[EntitySet]) -> bytes:
    """The `$metadata` document."""
    ElementTree.register_namespace("edmx", _EDMX)
    document = ElementTree.Element(f"{{{_EDMX}}}Edmx", Version="4.0")
    for vocabulary in ("Org.OData.Core.V1", _CAPABILITIES):
        reference = ElementTree.SubElement(document, f"{{{_EDMX}}}Reference", Uri=f"{_VOCABULARIES}{vocabulary}.xml")
        ElementTree.SubElement(reference, f"{{{_EDMX}}}Include", Namespace=vocabulary)
    services = ElementTree.SubElement(document, f"{{{_EDMX}}}DataServices")
    # The default of all below it, as clients know it from other services: no prefix is said anywhere.
    schema = _element(services, "Schema", Namespace=NAMESPACE, xmlns=_EDM)
    for entities in sets:
        _entity_type(schema, entities)
    container = _element(schema, "EntityContainer", Name="Data")
    for entities in sets:
        found = _element(container, "EntitySet", Name=entities.name, EntityType=f"{NAMESPACE}.{entities.name}")
        _described(found, entities.meaning)
        _restricted(found, entities)
    made: bytes = ElementTree.tostring(document, "utf-8", xml_declaration=True)
    return made


def _entity_type(schema: ElementTree.Element, entities: EntitySet) -> None:
    kind = _element(schema, "EntityType", Name=entities.name)
    keys = _element(kind, "Key")
    for key in entities.keys or (PLACE_KEY,):
        _element(keys, "PropertyRef", Name=key)
    if not entities.keys:
        _element(kind, "Property", Name=PLACE_KEY, Type="Edm.String", Nullable="false")
    for one in entities.properties:
        facets = {"Nullable": "false"} if one.name in entities.keys else {}
        if found := _DECIMAL.match(one.kind):
            facets |= {"Precision": found[1], "Scale": found[2]}
        elif one.type == "Edm.DateTimeOffset":
            facets["Precision"] = "6"
        _described(_element(kind, "Property", Name=one.name, Type=one.type, **facets), one.meaning)


def _restricted(found: ElementTree.Element, entities: EntitySet) -> None:
    """Says what a client must not try: to choose by personal data in an address, or to change anything."""
    own = [] if entities.keys else [PLACE_KEY]
    closed = {
        ("FilterRestrictions", "NonFilterableProperties"): [p.name for p in entities.properties if p.personal] + own,
        ("SortRestrictions", "NonSortableProperties"): own,
    }
    for (term, said), names in closed.items():
        if names:
            collection = _element(_said(found, term, said), "Collection")
            for name in names:
                _element(collection, "PropertyPath").text = name
    for term, said in (("InsertRestrictions", "Insertable"), ("UpdateRestrictions", "Updatable")):
        _said(found, term, said, Bool="false")


def _said(found: ElementTree.Element, term: str, said: str, **value: str) -> ElementTree.Element:
    annotation = _element(found, "Annotation", Term=f"{_CAPABILITIES}.{term}")
    return _element(_element(annotation, "Record"), "PropertyValue", Property=said, **value)


def _described(found: ElementTree.Element, meaning: str | None) -> None:
    if meaning:
        # XML has no way to write these.
        text = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", meaning)
        _element(found, "Annotation", Term="Org.OData.Core.V1.Description", String=text)


def _element(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, attributes)


def _identifier(name: str, taken: object) -> str:
    """A name that OData takes: letters, digits and underscores."""
    found = re.sub(r"\W", "_", name)[:120] or "_"
    found = f"_{found}" if found[0].isdigit() or found == PLACE_KEY else found
    return found if found not in taken else _identifier(f"{found}_", taken)  # type: ignore[operator]


def _value(one: Property, is_exact: bool) -> str:
    name = quote(one.column)
    if one.type in ("Edm.Single", "Edm.Double"):
        odd = f"WHEN isnan({name}) THEN '\"NaN\"' WHEN {name} > 0 THEN '\"INF\"' ELSE '\"-INF\"'"
        return f"CAST(CASE WHEN {name} IS NULL THEN NULL WHEN isfinite({name}) THEN to_json({name}) {odd} END AS JSON)"
    if one.type in ("Edm.Int64", "Edm.Decimal") and is_exact:
        return f"CAST({name} AS VARCHAR)"
    if one.type == "Edm.Binary":
        return f"rtrim(translate(to_base64({name}), '+/', '-_'), '=')"
    if one.type == "Edm.DateTimeOffset":
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if one.type == "Edm.String" and one.kind != "VARCHAR":
        return f"CAST(to_json({name}) AS VARCHAR)"
    return json_value(name, one.kind)
