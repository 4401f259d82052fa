"""XML by a path to its records, read as a stream.

A document with a DOCTYPE is refused before anything of it is read: without one there are no entities of its own, and
so nothing that expands and nothing that is fetched. What is nested too deep, or makes one record without end, is
refused as well. See docs/decisions/020-xml.md.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.parsers import expat

from vestry.ingest.files.keyed import Keyed
from vestry.ingest.files.model import FileOptions, FileRows, UnreadableFile

_READ = 1 << 18
_DEEPEST = 100
_LARGEST = 100_000
_LONGEST = 64 << 20
#: Elements that are looked at to say where records may be.
_LOOK = 20_000


def read_xml(path: Path, options: FileOptions, workdir: Path) -> FileRows:
    """The elements at `options.rows` (`Export/Jobs/Job`): attributes and children as columns.

    A child with text alone is text; what is nested or repeated is JSON text; namespaces do not matter. `_row` is the
    record's number.
    """
    refuse_doctype(path)
    wanted = [p for p in (options.rows or "").split("/") if p]
    if not wanted:
        found = record_paths(path)
        mend = f"write `rows: {found[0]}`" if found else "write `rows: path/to/record`, from the outermost element on"
        raise UnreadableFile("XML without `rows`, the path to the element that is a record", str(path), mend)
    table = Keyed(workdir, options)
    count = 0
    for count, element in enumerate(_records(path, wanted), 1):
        table.add(count, _fields(element))
    if not count:
        found = record_paths(path)
        mend = f"there is `{'`, `'.join(found[:3])}`" if found else "is it the right file?"
        raise UnreadableFile(f"no element `{options.rows}` in the XML", str(path), mend)
    rows = table.done()
    return replace(rows, notes=(f"records at `{options.rows}`", *rows.notes))


def refuse_doctype(path: Path) -> None:
    """Raises UnreadableFile where the document has a DOCTYPE."""

    class _Begun(Exception):
        """The outermost element: no DOCTYPE can come after it."""

    def refuse(*_: object) -> None:
        raise UnreadableFile(
            "the XML has a DOCTYPE, which can make it expand without end or fetch other files",
            str(path),
            "nothing of it was read: ask for it without one",
        )

    def begun(*_: object) -> None:
        raise _Begun

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = begun
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except _Begun:
        return
    except expat.ExpatError as error:
        raise _broken(path, error.lineno) from None


def record_paths(path: Path) -> list[str]:
    """Paths of elements that come several times, the likeliest to be the records first."""
    counts: Counter[str] = Counter()
    stack: list[str] = []
    for seen, (event, element) in enumerate(_events(path)):
        if event == "start":
            stack.append(_local(element.tag))
            counts["/".join(stack)] += 1
        else:
            stack.pop()
            element.clear()
        if seen > _LOOK:
            break
    several = [p for p, n in counts.items() if n > 1]
    return sorted(several, key=lambda p: (p.count("/"), -counts[p]))


def _records(path: Path, wanted: list[str]) -> Iterator[ET.Element]:
    """Each record, whole; what lies outside of records is thrown away as it ends."""
    stack: list[ET.Element] = []
    names: list[str] = []
    inside, size = 0, 0
    for event, element in _events(path):
        if event == "start":
            stack.append(element)
            if len(stack) > _DEEPEST:
                raise UnreadableFile(
                    f"the XML is nested more than {_DEEPEST} deep", str(path), "nothing was taken: ask who sent it"
                )
            size += 1
            if not inside:
                names.append(_local(element.tag))
                inside, size = (len(stack) if names == wanted else 0), 0
            elif size > _LARGEST:
                raise UnreadableFile(
                    f"one record of the XML holds more than {_LARGEST:,} elements",
                    str(path),
                    "is `rows` the path to one record, not to the list of them?",
                )
            continue
        stack.pop()
        if len(stack) >= inside > 0:
            continue  # within a record
        if inside:
            yield element
            inside = 0
        names.pop()
        element.clear()
        if stack:
            stack[-1].remove(element)


def _events(path: Path) -> Iterator[tuple[str, ET.Element]]:
    parser: ET.XMLPullParser[Any] = ET.XMLPullParser(("start", "end"))
    silent = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_READ):
                parser.feed(chunk)
                silent += len(chunk)
                for event in parser.read_events():
                    silent = 0
                    yield event  # type: ignore[misc]
                if silent > _LONGEST:
                    what = f"one text or attribute of the XML is longer than {_LONGEST >> 20} MB"
                    raise UnreadableFile(what, str(path), "nothing of it was taken: ask who sent it")
        parser.close()
        yield from parser.read_events()  # type: ignore[misc]
    except ET.ParseError as error:
        raise _broken(path, error.position[0]) from None


def _broken(path: Path, line: int) -> UnreadableFile:
    what = f"the XML is cut off or broken at line {line}"
    return UnreadableFile(what, str(path), "ask for it again: nothing of it was taken")


def _fields(element: ET.Element) -> dict[str, Any]:
    """A record's attributes and children by name."""
    fields: dict[str, Any] = {f"@{_local(name)}": value for name, value in element.attrib.items()}
    for child in element:
        name, value = _local(child.tag), _value(child)
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], _Several):
            fields[name].append(value)
        else:
            fields[name] = _Several([fields[name], value])
    own = [element.text, *(child.tail for child in element)]
    if (text := " ".join(t.strip() for t in own if t and t.strip())) or not fields:
        fields["text"] = text
    return fields


class _Several(list[Any]):
    """Children of one name."""


def _value(element: ET.Element) -> Any:
    """Text where there is nothing else in the element, or an object."""
    return _fields(element) if len(element) or element.attrib else (element.text or "").strip()


def _local(name: str) -> str:
    return name.rsplit("}", 1)[-1]
