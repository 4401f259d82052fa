"""XML by the path of its records; what would expand or never end is refused."""

from __future__ import annotations

import resource
import time

import pytest

from vestry.ingest.files import UnreadableFile

pytestmark = pytest.mark.slow

EXPORT = """<?xml version="1.0" encoding="UTF-8"?>
<e:Export xmlns:e="urn:example:export" made="2024-01-31">
  <!-- a comment -->
  <Jobs>
    <Job id="1" urgent="yes"><Ref>A1</Ref><Cost cur="GBP">10.50</Cost><Note>one</Note><Note>two &amp; three</Note></Job>
    <Job id="2"><Ref>A2</Ref><Site><Uprn>100</Uprn><Postcode>TE1 1ST</Postcode></Site></Job>
    <Job id="3"/>
  </Jobs>
</e:Export>
"""
BOMB = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">]>
<r><j>&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;</j></r>
"""


def test_children_and_attributes_are_columns_and_the_rest_is_json(read):
    got = read(EXPORT, name="e.xml", rows="Export/Jobs/Job")
    assert got.account.columns == ("ref", "cost", "note", "site", "id", "urgent")
    assert got.rows == [
        ("A1", '{"@cur": "GBP", "text": "10.50"}', '["one", "two & three"]', None, "1", "yes"),
        ("A2", None, None, '{"Uprn": "100", "Postcode": "TE1 1ST"}', "2", None),
        (None, None, None, None, "3", None),
    ]
    assert got.numbers == [1, 2, 3]


def test_text_between_children_is_kept(read):
    got = read("<r><j><n>a</n> and <n>b</n> more</j></r>", name="e.xml", rows="r/j")
    assert got.rows == [('["a", "b"]', "and more")]


def test_a_child_and_an_attribute_of_one_name_are_two_columns(read):
    got = read('<r><j id="x"><id>y</id></j></r>', name="e.xml", rows="r/j")
    assert dict(zip(got.account.columns, got.rows[0], strict=True)) == {"id": "y", "id_2": "x"}


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "windows-1252"])
def test_the_encoding_that_the_document_names_is_used(read, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?><r><j><n>Zoë</n></j></r>'
    assert read(text.encode(encoding), name="e.xml", rows="r/j").rows == [("Zoë",)]


def test_without_a_path_the_likely_one_is_offered(read):
    with pytest.raises(UnreadableFile) as error:
        read(EXPORT, name="e.xml")
    assert error.value.mend == "write `rows: Export/Jobs/Job`"


def test_a_path_that_is_not_there_names_those_that_are(read):
    with pytest.raises(UnreadableFile, match="no element `Export/Job`") as error:
        read(EXPORT, name="e.xml", rows="Export/Job")
    assert "`Export/Jobs/Job`" in error.value.mend


@pytest.mark.parametrize("doc", [BOMB, '<!DOCTYPE r SYSTEM "file:///etc/hostname"><r><j/></r>'])
def test_xml_that_could_expand_without_end_is_refused_at_once(read, doc):
    began = time.monotonic()
    with pytest.raises(UnreadableFile, match="DOCTYPE"):
        read(doc, name="e.xml", rows="r/j")
    assert time.monotonic() - began < 1


def test_xml_nested_without_end_is_refused(read):
    with pytest.raises(UnreadableFile, match="nested"):
        read("<r>" + "<a>" * 50_000, name="e.xml", rows="r/j")


def test_a_record_without_end_is_refused(read):
    with pytest.raises(UnreadableFile, match="one record"):
        read("<r>" + "<a/>" * 150_000 + "</r>", name="e.xml", rows="r")


def test_a_text_without_end_is_refused(read):
    with pytest.raises(UnreadableFile, match="longer than 64 MB"):
        read(b"<r><j>" + b"x" * (70 << 20), name="e.xml", rows="r/j")


def test_xml_cut_in_the_middle_loads_nothing(read):
    with pytest.raises(UnreadableFile, match="cut off or broken at line 6"):
        read(EXPORT[: EXPORT.index("Postcode")], name="e.xml", rows="Export/Jobs/Job")


@pytest.mark.slow
def test_a_long_file_is_read_as_a_stream(read, tmp_path):
    path = tmp_path / "long.xml"
    with path.open("w") as out:
        out.write("<r>")
        out.writelines(f"<j id='{n}'><ref>A{n}</ref><note>{'x' * 200}</note></j>\n" for n in range(400_000))
        out.write("</r>")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    from vestry.ingest.files import FileOptions
    from vestry.ingest.files.xmlfile import read_xml

    rows = read_xml(path, FileOptions(rows="r/j"), tmp_path / "w")
    assert rows.rows == 400_000
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 200  # MB, of a file of 95
