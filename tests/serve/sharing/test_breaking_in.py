"""What somebody tries who should not read, or not any more."""

from __future__ import annotations

import re
import time
from datetime import date, timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from sqlalchemy import update

from serve.people import account
from serve.sharing.conftest import AGREEMENT, CLEAR, CLIENT, HASHED, SHOWN, TABLE, Partner, Sharing, lines
from vestry.governance import audit
from vestry.governance.access.grants import change, end
from vestry.governance.access.terms import Condition
from vestry.governance.identity.tokens import add_token
from vestry.governance.identity.tokens import revoke as revoke_token
from vestry.governance.recipients import CREDENTIALS, revoke, rotate
from vestry.governance.state import connect
from vestry.serve.sharing.addresses import Address

pytestmark = pytest.mark.slow

EVERYTHING = ("Testperson", "WX1", "grab rail", "1950-05-01")
NOBODY = (401, "UNAUTHENTICATED")


def get(url: str, **more: object) -> requests.Response:
    return requests.get(url, timeout=60, **more)


def said(answer: requests.Response) -> tuple[int, str]:
    """The status and the error code; every error is the protocol's JSON."""
    assert set(answer.json()) == {"errorCode", "message"}
    return answer.status_code, answer.json()["errorCode"]


def is_dead(url: str, **more: object) -> bool:
    answer = get(url, **more)
    return answer.status_code in (403, 404) and said(answer) is not None


def table_of(url: str) -> pa.Table:
    return pq.read_table(pa.BufferReader(get(url).content))


def test_without_a_good_credential_nothing_is_said(sharing: Sharing) -> None:
    partner = sharing.partner()
    secret = partner.credential.secret
    for wrong in (
        "",
        "x",
        secret[:-1],
        secret[:-1] + ("a" if secret[-1] != "a" else "b"),
        secret.swapcase(),
        "vsr_" + "0" * 12 + "_" + "A" * 43,
        "' OR 1=1 --",
    ):
        for path in ("/shares", f"{TABLE}/metadata", "/nothing"):
            answer = requests.get(
                f"{sharing.address}/sharing{path}", headers={"Authorization": f"Bearer {wrong}"}, timeout=60
            )
            assert said(answer) == NOBODY, wrong
    assert said(get(f"{sharing.address}/sharing/shares")) == NOBODY
    assert said(requests.post(f"{sharing.address}/sharing{TABLE}/query", timeout=60)) == NOBODY
    basic = requests.get(f"{sharing.address}/sharing/shares", auth=("nhs", secret), timeout=60)
    assert said(basic) == NOBODY


def test_a_credential_that_is_over_opens_nothing_and_its_use_is_written_down(sharing: Sharing) -> None:
    partner = sharing.partner()
    url = partner.file()
    assert get(url).status_code == 200
    with connect(sharing.project) as con:
        con.execute(update(CREDENTIALS).where(CREDENTIALS.c.id == partner.credential.id).values(ends=int(time.time())))
    assert said(partner.ask("/shares")) == NOBODY and is_dead(url)
    (line,) = audit.lines(sharing.project, who=partner.id, most=1)
    assert not line.entry.allowed and line.entry.action == "come in"


def test_of_a_rotated_credential_the_old_one_ends_when_it_is_said(sharing: Sharing) -> None:
    partner = sharing.partner()
    url, old = partner.file(), partner.credential
    new = rotate(sharing.project, partner.name, "30d", "1d", "u-olu")
    assert partner.ask("/shares").ok and partner.ask("/shares", new.secret).ok and get(url).ok
    newest = rotate(sharing.project, partner.name, "30d", "0s", "u-olu")
    assert said(partner.ask("/shares", old.secret)) == said(partner.ask("/shares", new.secret)) == NOBODY
    assert partner.ask("/shares", newest.secret).ok and is_dead(url)


def test_a_revoked_recipient_and_its_addresses_are_dead_at_once(sharing: Sharing) -> None:
    partner, other = sharing.partner(), sharing.partner()
    url = partner.file()
    assert get(url).ok
    revoke(sharing.project, partner.name, "u-olu")
    assert is_dead(url) and said(partner.ask("/shares")) == NOBODY
    assert other.ask("/shares").json() == {"items": [{"name": "trust"}]} and get(other.file()).ok


def test_an_address_with_anything_changed_is_dead(sharing: Sharing) -> None:
    partner, other = sharing.partner(), sharing.partner()
    url = partner.file()
    assert get(url).ok and requests.head(url, timeout=60).ok
    parts = parse_qs(urlsplit(url).query)
    signature, until, release = parts["X-Amz-Signature"][0], parts["until"][0], parts["release"][0]
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]
    for old, new in (
        (signature, flipped), (signature, ""), (signature, signature.upper()), (signature, "é"),
        (f"until={until}", f"until={int(until) + 1}"), (f"until={until}", "until="), (f"until={until}", f"until={until}.0"),
        (partner.credential.id, other.credential.id), (release, str(CLIENT)), (release, "vestry.release.r0"),
        ("/trust/", "/care/"), ("/client/", "/ward/"), (".parquet", ".parquet%00"), ("&X-Amz-Signature", "&x"),
    ):  # fmt: skip
        assert old in url and is_dead(url.replace(old, new)), (old, new)
    assert is_dead(url.split("?")[0])
    assert requests.post(url, timeout=60).status_code in (401, 405)


def test_an_address_ends_and_is_of_whoever_asked(sharing: Sharing) -> None:
    partner, other = sharing.partner(), sharing.partner()
    url = partner.file()
    assert get(url, headers={"Authorization": f"Bearer {partner.credential.secret}"}).ok
    assert is_dead(url, headers={"Authorization": f"Bearer {other.credential.secret}"})
    until = int(parse_qs(urlsplit(url).query)["until"][0])
    assert 14 * 60 < until - time.time() <= 15 * 60
    name, release = urlsplit(url).path.rsplit("/", 1)[1], parse_qs(urlsplit(url).query)["release"][0]
    address = ("trust", "adults-care", "client", release, name, partner.credential.id)
    again = f"{sharing.address}/sharing" + Address(*address, int(time.time()) + 9).path(sharing.project)
    assert get(again).ok
    assert is_dead(f"{sharing.address}/sharing" + Address(*address, int(time.time())).path(sharing.project))


@pytest.mark.parametrize(
    "name",
    ["../../../vestry.toml", "..", "_delta_log/00000000000000000000.json", "part-0.parquet", "/etc/passwd", "", "."],
)
def test_even_a_signed_address_gives_no_file_but_the_releases_own(sharing: Sharing, name: str) -> None:
    partner = sharing.partner()
    release = parse_qs(urlsplit(partner.file()).query)["release"][0]
    until = int(time.time()) + 60
    for table in (release, str(CLIENT)):
        address = Address("trust", "adults-care", "client", table, name, partner.credential.id, until)
        assert is_dead(f"{sharing.address}/sharing{address.path(sharing.project)}")


PLACES = ("share", "schema", "table")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "value", ["..", "../..", "%2e%2e", "care/../../x", "*", "a'b", "client.x", "x" * 3000, "é", "\x00"]
)
def test_no_name_in_a_path_leads_anywhere(sharing: Sharing, place: str, value: str) -> None:
    names = {"share": "trust", "schema": "adults-care", "table": "client"} | {place: quote(value, safe="")}
    answer = sharing.partner().ask("/shares/{share}/schemas/{schema}/tables/{table}/metadata".format(**names))
    assert said(answer)[0] == 404


def test_what_is_not_theirs_is_as_what_there_is_not(sharing: Sharing) -> None:
    partner = sharing.partner()
    answers = []
    for schema, table in (
        ("adults-wards", "ward"),
        ("adults-nothing", "ward"),
        ("adults-care", "nothing"),
        ("bronze-care", "client"),
        ("vestry-release", "r"),
    ):
        for share in ("trust", "care", schema):
            answer = partner.ask(f"/shares/{share}/schemas/{schema}/tables/{table}/metadata")
            answers.append((said(answer), answer.json()["message"].replace(f"{share}.{schema}.{table}", "X")))
            assert said(partner.ask(f"/shares/{share}/schemas/{schema}/tables/{table}/query", method="POST"))[0] == 404
    assert set(answers) == {((404, "RESOURCE_DOES_NOT_EXIST"), "there is no table X that you may read")}
    assert {
        said(partner.ask(f"/shares/{share}{more}"))
        for share in ("care", "adults-wards")
        for more in ("", "/schemas", "/all-tables", "/schemas/x/tables")
    } == {(404, "RESOURCE_DOES_NOT_EXIST")}
    none = sharing.partner(None)
    assert none.ask("/shares").json() == {"items": []} and said(none.query())[0] == 404


def test_hidden_columns_and_rows_are_nowhere_in_what_is_given(sharing: Sharing) -> None:
    partner = sharing.partner({"id": HASHED, "ward": CLEAR}, Condition("ward", ("South",)))
    for form in ("parquet", "delta"):
        answer = partner.query(form)
        for text in (answer.text, str(answer.headers)):
            assert not any(value in text for value in (*EVERYTHING, "North", "born", "postcode", "note"))
    file = pq.ParquetFile(pa.BufferReader(get(partner.file()).content))
    assert file.schema_arrow.names == ["id", "ward"] and set(file.read()["ward"].to_pylist()) == {"South"}
    assert not any(value in str(file.metadata.to_dict()) for value in (*EVERYTHING, "North"))


def test_a_column_taken_from_a_grant_is_gone_at_once_from_tables_and_addresses(sharing: Sharing) -> None:
    partner = sharing.partner(None)
    grant = sharing.grant(partner, SHOWN)
    url = partner.file()
    assert table_of(url).column_names == ["id", "born", "ward"]
    with connect(sharing.project) as con:
        change(con, grant, grant.terms.without([(CLIENT, "born")]))
    assert is_dead(url)
    assert table_of(partner.file()).column_names == ["id", "ward"]
    assert "born" not in partner.query().text


def test_a_grant_that_is_ended_or_past_closes_the_door(sharing: Sharing) -> None:
    partner = sharing.partner(None)
    grant = sharing.grant(partner, SHOWN)
    url = partner.file()
    end(sharing.project, grant.id, "u-olu", "no longer needed")
    assert is_dead(url) and said(partner.query())[0] == 404 and partner.ask("/shares").json() == {"items": []}
    grant = sharing.grant(partner, SHOWN)
    url = partner.file()
    with connect(sharing.project) as con:
        from dataclasses import replace

        change(con, grant, replace(grant.terms, until=date.today() - timedelta(days=1)))
    assert is_dead(url) and said(partner.query())[0] == 404


def test_when_the_agreement_is_over_or_covers_less_so_does_the_door(sharing: Sharing) -> None:
    partner = sharing.partner()
    url = partner.file()

    def until(text: str, done: object) -> None:
        sharing.council.write("agreements/trust.yaml", text)
        end = time.monotonic() + 20
        while not done() and time.monotonic() < end:
            time.sleep(0.1)

    less = AGREEMENT.replace("adults.care.client: all", "adults.care.client: [id, ward]")
    try:
        until(less, lambda: is_dead(url))
        assert is_dead(url) and table_of(partner.file()).column_names == ["id", "ward"]
        over = AGREEMENT.replace("2099-01-01", "2021-01-01").replace("2098-01-01", "2020-06-01")
        until(over, lambda: partner.query().status_code == 404)
        assert said(partner.query())[0] == 404 and partner.ask("/shares").json() == {"items": []}
    finally:
        until(AGREEMENT, lambda: partner.query().ok)
    assert partner.query().ok


def test_a_token_of_the_staff_opens_their_own_grants_and_only_with_its_scope(sharing: Sharing) -> None:
    if not any(a.user.id == "ann" for a in _accounts(sharing)):
        account(sharing.council, "ann", ("staff",))
    good, sql = (add_token(sharing.project, "ann", "notebook", [scope], "1d") for scope in ("read", "sql"))
    ann = Partner("ann", sharing.partner().credential, sharing.address, sharing.folder)
    assert ann.ask("/shares", sql).status_code == 403
    shares = [item["name"] for item in ann.ask("/shares", good).json()["items"]]
    assert "adults-wards" in shares and "trust" not in shares and "adults-care" not in shares
    ward = "/shares/adults-wards/schemas/adults-wards/tables/ward"
    answer = ann.ask(f"{ward}/query", good, method="POST")
    url = lines(answer)[2]["file"]["url"]
    assert table_of(url).column_names == ["ward", "name"]
    refused = ann.ask("/shares/adults-care/schemas/adults-care/tables/client/query", good, method="POST")
    assert said(refused)[0] == 404 and "no grant lets you read it" in refused.json()["message"]
    revoke_token(
        sharing.project, good.rsplit("_", 1)[0] if good.count("_") == 2 else re.match(r"vst_[0-9a-f]{12}", good)[0]
    )
    assert said(ann.ask("/shares", good)) == NOBODY and is_dead(url)


def _accounts(sharing: Sharing):
    from vestry.governance.identity.accounts import accounts

    return accounts(sharing.project)


def test_a_recipient_opens_no_other_door(sharing: Sharing) -> None:
    partner = sharing.partner()
    if not _accounts(sharing):
        account(sharing.council, "ann", ("staff",))
    headers = {"Authorization": f"Bearer {partner.credential.secret}"}
    for path in ("/", "/products", "/api/sql", "/api/products", "/metrics", "/account"):
        answer = requests.get(sharing.address + path, headers=headers, timeout=60, allow_redirects=False)
        assert answer.status_code in (401, 403), path


def test_who_read_what_is_in_the_audit_before_it_is_given_and_refusals_too(sharing: Sharing) -> None:
    partner = sharing.partner(SHOWN, Condition("ward", ("South",)))
    rows = sum(table_of(line["file"]["url"]).num_rows for line in lines(partner.query()) if "file" in line)
    (line,) = audit.lines(sharing.project, who=partner.id)
    assert line.entry.allowed and line.entry.door == "sharing" and line.entry.rows == rows > 0
    assert line.entry.agreements == ("trust",) and line.reads[0].columns == {
        "id": "hashed",
        "born": "year",
        "ward": "clear",
    }
    partner.ask("/shares/trust/schemas/adults-wards/tables/ward/query", method="POST")
    newest = next(audit.lines(sharing.project, who=partner.id))
    assert not newest.entry.allowed and str(newest.reads[0].table) == "adults.wards.ward"
    assert audit.verify(sharing.project).broken is None
