"""What the portal answers, without a browser."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from council import vestry
from serve.conftest import in_process

pytestmark = pytest.mark.slow


@pytest.fixture
def get(repairs):
    repairs.good()
    with in_process(repairs) as get:
        get.council = repairs
        yield get


def test_what_is_missing_is_answered_with_what_is_near(get):
    answer = get("/products/housing/repair")
    assert answer.status_code == 404 and "did you mean `housing.repairs`?" in answer.text
    assert "did you mean `housing.repairs.repair`?" in get("/tables/housing.repairs.repairs").text
    assert get("/tables/..%2f..%2fetc%2fpasswd").status_code == 404
    assert get("/nowhere").status_code == 404


def test_a_products_page_says_how_programs_read_it(get):
    text = get("/products/housing/repairs/use").text
    (odata,) = re.findall(r"http://127.0.0.1:\d+(/odata/)<", text)
    (rest,) = re.findall(r"http://127.0.0.1:\d+(/api/[^<\s]+)<", text)
    assert "no grant lets you read it" in get(rest).json()["detail"], "nobody has classified its columns"
    assert get(odata).json()["value"] == [] and "housing__repairs__repair" in text
    assert "vestry.connect" in text and get("/api/openapi.json").status_code == 200


def test_texts_of_a_contract_are_shown_as_they_are_written_and_never_run(get):
    contract = get.council.root / "domains/housing/repairs/contract.yaml"
    bad = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    contract.write_text(
        contract.read_text().replace("status: active", f"status: active\ndescription: {{purpose: '{bad}'}}")
    )
    get.council.write(
        "domains/housing/repairs/README.md",
        f"# R\n\n{bad}\n\n[x](javascript:alert(3)) ![y](https://example.org/a.png)\n",
    )
    with in_process(get.council) as again:
        text = again("/products/housing/repairs").text
    assert "<script>alert" not in text and "<img" not in text and 'href="javascript' not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_values_that_nobody_classified_are_not_shown(get):
    text = get("/products/housing/repairs/sample").text
    assert "A1" not in text and "Left out: job, uprn, done, cost." in text


def test_every_answer_has_a_strict_policy_and_a_page_that_is_the_same_is_not_sent_twice(get):
    answer = get("/products")
    assert "script-src 'self'" in answer.headers["content-security-policy"] and "<script>" not in answer.text
    assert " style=" not in answer.text and " onclick=" not in answer.text
    again = get("/products", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and again.text == ""
    assert get("/static/portal.css?v=1").headers["cache-control"].startswith("public")


def test_pages_elsewhere_can_neither_ask_by_another_name_nor_send_forms(get):
    assert get("/", headers={"Host": "evil.example.org"}).status_code == 400
    for headers in ({"Origin": "https://evil.example.org"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert get("/search", method="POST", headers=headers).status_code == 403


def test_a_half_written_project_is_shown_as_it_was_with_what_is_wrong(get):
    contract = get.council.root / "domains/housing/repairs/contract.yaml"
    text = contract.read_text()
    contract.write_text(text + "\n  bad: [")
    waiting = threading.Event()
    for _ in range(200):
        if "The project has 1 fault" in (page := get("/products/housing/repairs").text):
            break
        waiting.wait(0.1)
    assert (
        "The project has 1 fault" in page and "domains/housing/repairs/contract.yaml" in page and "repair</a>" in page
    )


def test_metrics_and_health_tell_of_routes_and_never_of_what_was_asked(get):
    get("/products/housing/repairs?secret=Margaret")
    assert get("/health").json() == {"status": "ok", "tables": 2, "faults": 0}
    text = get("/metrics").text
    assert 'vestry_requests_total{route="/products/{domain}/{product}",status="200"}' in text and "Margaret" not in text
    assert 'vestry_rows{layer="silver"} 2.0' in text


def test_many_at_once_are_answered_alike(get):
    with ThreadPoolExecutor(20) as pool:
        texts = set(pool.map(lambda _: get("/products/housing/repairs/dictionary").text, range(60)))
    assert len(texts) == 1


def test_no_other_address_is_listened_at(repairs):
    done = vestry("serve", "-C", str(repairs.root), "--host", "0.0.0.0")
    assert done.returncode == 2 and "nobody would have to log in" in done.stderr


def test_what_is_found_comes_a_page_at_a_time_and_a_page_too_far_is_the_last(council):
    columns = {f"repair_{n}": "logicalType: string, classification: public" for n in range(30)}
    listed = ", ".join(f"'x' AS {name}" for name in columns)
    council.product("housing.repairs", columns, job_sql=f"SELECT {listed}")
    council.good()
    with in_process(council) as get:
        waiting = threading.Event()
        for _ in range(200):  # the index is made beside
            if "30 results" in get("/search?q=repair&kind=column").text:
                break
            waiting.wait(0.1)
        first, second = (get(f"/search?q=repair&kind=column&page={n}").text for n in (1, 2))
        assert "Page 1 of 2" in first and "/search?q=repair&amp;kind=column&amp;page=2" in first
        assert "Page 2 of 2" in second and first.count("app-result") > second.count("app-result") > 1
        assert get("/search?q=repair&kind=column&page=99").text == second
        assert get("/search?q=repair&kind=column&page=x").text == first
