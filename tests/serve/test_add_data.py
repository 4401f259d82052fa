"""Add data: from an uploaded file to a draft, over HTTP; and what bad files are told."""

from __future__ import annotations

import re

import pytest
import requests
import yaml

from serve.conftest import in_process
from vestry.products.check import check

REPAIRS = (
    "Job Ref,UPRN,Reported,Cost,Status,Net Amount,Net Amount\n"
    + "".join(
        f"J{i},1000000{i:02},{i % 28 + 1:02}/02/2024,£{i}.50,{'Open' if i % 2 else 'Closed'},{i},{i}.125\n"
        for i in range(1, 61)
    )
)  # fmt: skip
TENANTS = "Name,Born,NHS number,Notes\n" + "".join(
    f"Anna Bell,{i % 28 + 1:02}/0{i % 9 + 1}/19{30 + i},9990000018,quiet\n" for i in range(1, 60)
)


@pytest.fixture
def get(repairs):
    repairs.write("glossary.yaml", "terms:\n  uprn: {name: Property number, definition: The number of a home.}\n")
    with in_process(repairs) as get:
        get.council = repairs
        yield get


def upload(get, name: str, content: bytes | str, **more) -> requests.Response:
    return get("/add", method="POST", files={"file": (name, content)}, **more)


def post(get, path: str, expect: int = 200, **answers) -> requests.Response:
    answer = get(path, method="POST", data=answers)
    assert answer.status_code == expect, said(answer) or answer.text[-2000:]
    return answer


def said(answer: requests.Response) -> list[str]:
    """What the error summary says."""
    return re.findall(r'<li><a href="#\w+">([^<]*)</a></li>', answer.text)


def at(answer: requests.Response) -> str:
    """The path of the proposal that a page is of."""
    return re.match(r"https?://[^/]+(/add/[0-9a-f]{32})", answer.url)[1]


def described(get, base: str, **delivery: str) -> None:
    """Answer what is asked of every product."""
    post(get, f"{base}/place", title="Works orders", domain="housing")
    post(get, f"{base}/people", owner="Jo Bloggs", steward="Al Steward", purpose="To pay contractors.")
    post(get, f"{base}/delivery", **{"frequency": "month", "next": "adds", "keep": "yes", **delivery})


def written(get, base: str) -> str:
    """The name of the draft that the last page writes."""
    return post(get, f"{base}/check").url.rpartition("/")[2]


def test_a_file_becomes_a_draft_that_changes_nothing_and_then_a_product_with_its_rows(get):
    council = get.council
    base = at(answer := upload(get, "../../Works orders.csv", REPAIRS))
    assert answer.status_code == 200 and "Works orders.csv" in answer.text and "../" not in answer.text
    page = get(f"{base}/tables/0").text
    assert "UPRN: by its name" in page and "J1<" not in page and "A9" in page
    post(get, f"{base}/tables/0/name", description="One job.", name="works_order")
    post(
        get, f"{base}/tables/0/columns/1", name="home", type="uprn", classification="internal", term="uprn",
        description="Where: 'it' is \"done\"\n# <script>alert(1)</script>",
    )  # fmt: skip
    post(get, f"{base}/tables/0/columns/5", name="x", type="text", classification="internal", out="yes")
    described(get, base)
    page = get(f"{base}/check").text
    assert "status: Closed, Open" in page and "net_amount_2" not in page.partition("Key of")[0]
    name = written(get, base)
    assert name == "housing.works_orders"
    assert not list((council.root / ".vestry/proposals").iterdir())
    draft = council.root / "drafts" / name
    assert "<script>" not in get(f"/add/drafts/{name}").text
    assert (draft / "drop/works_orders/Works orders.csv").read_text() == REPAIRS
    assert (draft / "drop/works_orders/.gitignore").read_text() == "*\n"
    assert check(council.root) == [] and "housing.works_orders" not in council.open().project.products

    assert "It is in the project" in post(get, f"/add/drafts/{name}", what="take").text
    assert not draft.exists() and check(council.root) == []
    council.good()
    assert check(council.root) == []
    rows = council.rows("SELECT * FROM housing.works_orders.works_order ORDER BY cost LIMIT 1")
    assert [str(v) for v in rows[0]] == ["J1", "100000001", "2024-02-02", "1.50", "Open", "1.125"]
    assert council.one("SELECT count(*) FROM housing.works_orders.works_order") == 60
    contract = yaml.safe_load((council.root / "domains/housing/works_orders/contract.yaml").read_text())
    columns = {c["name"]: c for c in contract["schema"][0]["properties"]}
    assert columns["home"]["description"].endswith("# <script>alert(1)</script>")
    assert columns["job_ref"]["primaryKey"] and columns["home"]["businessName"] == "Property number"
    assert columns["status"]["quality"][1]["arguments"] == {"validValues": ["Closed", "Open"]}
    assert contract["slaProperties"] == [{"property": "frequency", "value": 1, "unit": "m"}]
