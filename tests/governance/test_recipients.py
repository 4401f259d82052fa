"""Recipients: who outside may read, with which credential, and what they are given."""

from __future__ import annotations

import json
import stat
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from council import Council, vestry
from governed import COLUMNS, DPO, OTHER, OWNER, RECIPE, governed
from serve.people import account
from vestry.catalogue.live import Live
from vestry.governance import audit
from vestry.governance.access.gate import Gate
from vestry.governance.access.grants import grants_of, open_grants
from vestry.governance.access.terms import Condition
from vestry.governance.access.treatment import Treatment
from vestry.governance.offers import offer
from vestry.governance.recipients import add_recipient, recipient_by, recipient_named, recipients, revoke, rotate
from vestry.governance.requests import answer
from vestry.governance.state import connect
from vestry.project import TableName, VestryError, load_project

CLIENT, VISIT = TableName("adults", "care", "client"), TableName("adults", "care", "visit")
SOON = date.today() + timedelta(days=60)
AGREEMENT = """\
name: Care with the trust
parties: [Testham Council, The trust]
purpose: To plan care at home together
lawful_basis: public task
condition: Article 9(2)(h)
tables:
  adults.care.client: [id, ward, born, note]
  adults.care.visit: [ward]
starts: 2020-01-01
ends: 2099-01-01
review: 2098-01-01
"""


@pytest.fixture(scope="module")
def council(tmp_path_factory: pytest.TempPathFactory) -> Council:
    made = governed(tmp_path_factory.mktemp("testham"))
    made.write("vestry.toml", '[council]\nname = "Testham"\nurl = "https://data.testham.gov.uk"\n')
    made.write("agreements/trust.yaml", AGREEMENT)
    made.product("adults.care", COLUMNS, client_sql=RECIPE, visit_sql=RECIPE)
    made.good()
    account(made, "olu", ("staff", "owner"), domains=("adults",))
    return made


@pytest.fixture(scope="module")
def live(council: Council) -> Live:
    return Live(council.root)


def give(
    live: Live, name: str, columns: dict[str, Treatment], by: object = OWNER, *rows: Condition, until: date = SOON
):
    project = live.workspace.project
    return offer(project, live.catalogue(), recipient_named(project, name), CLIENT, columns, rows, until, by)


def test_a_credential_is_shown_once_and_kept_as_a_hash(live: Live) -> None:
    project = live.workspace.project
    made = add_recipient(project, "hashed", "trust", "90d", "u-olu")
    assert recipient_by(project, made.secret).name == "hashed" and recipient_by(project, made.secret + "x") is None
    profile = json.loads(made.profile("https://data.testham.gov.uk/sharing"))
    assert profile["shareCredentialsVersion"] == 1 and profile["bearerToken"] == made.secret
    assert profile["endpoint"].endswith("/sharing") and profile["expirationTime"].endswith(".000Z")
    with connect(project) as con:
        rows = str(con.execute(text("SELECT * FROM recipient_credential")).all())
    kept = "".join(file.read_bytes().decode("latin-1") for file in project.state.glob("access.sqlite*"))
    assert made.secret not in rows + kept and made.id in rows
    assert made.secret not in str([line.entry for line in audit.lines(project)])


@pytest.mark.parametrize(
    ("name", "agreement", "lasts", "says"),
    [
        ("A trust", "trust", "90d", "is not a name for a recipient"),
        ("good", "trsut", "90d", "did you mean `trust`"),
        ("good", "trust", "400d", "must end within a year"),
        ("good", "trust", "0d", "must end within a year"),
        ("good", "trust", "soon", "is not a length of time"),
    ],
)
def test_what_is_no_recipient_is_refused(live: Live, name: str, agreement: str, lasts: str, says: str) -> None:
    with pytest.raises(VestryError) as told:
        add_recipient(live.workspace.project, name, agreement, lasts, "u-olu")
    assert says in str(told.value)


def test_a_recipients_name_is_given_once(live: Live) -> None:
    add_recipient(live.workspace.project, "once", "trust", "90d", "u-olu")
    with pytest.raises(VestryError, match="there is, or was, a recipient"):
        add_recipient(live.workspace.project, "once", "trust", "90d", "u-olu")


def test_a_rotated_credential_stays_good_no_longer_than_is_said_nor_than_it_was(live: Live) -> None:
    project = live.workspace.project
    old = add_recipient(project, "rotating", "trust", "1d", "u-olu")
    new = rotate(project, "rotating", "90d", "7d", "u-olu")
    with connect(project) as con:
        ends = dict(
            con.execute(text("SELECT id, ends FROM recipient_credential WHERE recipient = 'recipient:rotating'")).all()
        )
    assert ends[old.id] == old.ends and ends[new.id] == new.ends
    assert recipient_by(project, old.secret) and recipient_by(project, new.secret)
    rotate(project, "rotating", "90d", "0s", "u-olu")
    assert recipient_by(project, old.secret) is None and recipient_by(project, new.secret) is None
    with pytest.raises(VestryError, match="within a week"):
        rotate(project, "rotating", "90d", "30d", "u-olu")


def test_a_revoked_recipient_is_out_for_good_and_its_grants_end(live: Live) -> None:
    project = live.workspace.project
    made = add_recipient(project, "revoked", "trust", "90d", "u-olu")
    give(live, "revoked", {"ward": Treatment.CLEAR})
    assert [g.reader for g in Gate(live).readers(CLIENT)] == ["recipient:revoked"]
    revoke(project, "revoked", "u-olu")
    assert recipient_by(project, made.secret) is None and not open_grants(project)
    assert next(r for r in recipients(project) if r.name == "revoked").revoked
    for again in (
        lambda: revoke(project, "revoked", "u-olu"),
        lambda: rotate(project, "revoked", "1d", "0s", "u-olu"),
        lambda: give(live, "revoked", {"ward": Treatment.CLEAR}),
    ):
        with pytest.raises(VestryError, match="is revoked"):
            again()


def test_who_owns_the_domain_gives_and_who_gave_is_written_down(live: Live) -> None:
    project = live.workspace.project
    add_recipient(project, "given", "trust", "90d", "u-olu")
    waits = give(live, "given", {"ward": Treatment.CLEAR}, OTHER)
    assert waits.grant is None and waits.waits_for == ("owner",)
    done = give(live, "given", {"born": Treatment.YEAR, "ward": Treatment.CLEAR}, OWNER, Condition("ward", ("North",)))
    (grant,) = grants_of(project, "recipient:given")
    assert grant.id == done.grant and grant.agreement == "trust" and grant.given_by == ("u-olu",)
    assert grant.terms.review is not None
    line = next(line for line in audit.lines(project) if done.grant in line.entry.note)
    assert (line.entry.who, line.entry.action) == ("u-olu", "approved")


def test_special_category_data_wait_for_the_data_protection_officer(live: Live) -> None:
    project = live.workspace.project
    add_recipient(project, "special", "trust", "90d", "u-olu")
    done = give(live, "special", {"note": Treatment.CLEAR})
    assert done.grant is None and done.waits_for == ("dpo",) and not grants_of(project, "recipient:special")
    assert answer(project, live.catalogue(), done.id, DPO, "approved", "").grant


def test_nothing_goes_beyond_the_agreement(live: Live) -> None:
    project = live.workspace.project
    add_recipient(project, "beyond", "trust", "90d", "u-olu")
    for columns, until, says in (
        ({"name": Treatment.CLEAR}, SOON, "does not let `name` of adults.care.client be read"),
        ({"wrad": Treatment.CLEAR}, SOON, "does not let `wrad`"),
        ({"ward": Treatment.YEAR}, SOON, "cannot be shown as year"),
        ({"ward": Treatment.CLEAR}, date(2099, 6, 1), "ends on 2099-01-01"),
    ):
        with pytest.raises(VestryError) as told:
            give(live, "beyond", columns, until=until)
        assert says in str(told.value)
    wards = TableName("adults", "wards", "ward")
    with pytest.raises(VestryError, match=r"does not cover adults\.wards\.ward"):
        offer(project, live.catalogue(), recipient_named(project, "beyond"), wards, {}, (), SOON, OWNER)
    assert not grants_of(project, "recipient:beyond")
    whole = give(live, "beyond", {})
    assert set(whole.wanted.columns[CLIENT]) == {"id", "ward", "born", "note"}
    with pytest.raises(VestryError, match="did you mean `beyond`"):
        recipient_named(project, "beyont")


def test_the_tables_of_a_product_are_given_in_one_grant_and_alike(live: Live) -> None:
    project = live.workspace.project
    add_recipient(project, "several", "trust", "90d", "u-olu")
    give(live, "several", {"ward": Treatment.CLEAR})
    recipient = recipient_named(project, "several")
    ward = {"ward": Treatment.CLEAR}
    with pytest.raises(VestryError, match="given alike"):
        offer(project, live.catalogue(), recipient, VISIT, ward, (), SOON + timedelta(days=9), OWNER)
    offer(project, live.catalogue(), recipient, VISIT, ward, (), SOON, OWNER)
    (grant,) = grants_of(project, recipient.id)
    assert grant.terms.columns == {CLIENT: ward, VISIT: ward}


@pytest.mark.slow
def test_the_whole_of_it_from_the_command_line(council: Council, tmp_path: Path) -> None:
    def share(*words: str, code: int = 0) -> str:
        done = vestry("share", *words, "-C", str(council.root))
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    file = tmp_path / "config.share"
    made = ("recipient", "add", "nhs", "--agreement", "trust", "--expires", "90d", "--to", str(file))
    assert "send it by a way" in share(*made, "--as", "olu")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    profile = json.loads(file.read_text())
    assert profile["endpoint"] == "https://data.testham.gov.uk/sharing"
    assert "not there yet" in share("recipient", "rotate", "nhs", "--to", str(file), "--as", "olu", code=2)
    project = load_project(council.root)
    assert recipient_by(project, profile["bearerToken"]), "a profile that could not be written changes nothing"
    words = ("grant", "nhs", "adults.care.client", "--columns", "ward", "--show", "born=year", "--rows", "ward=North")
    assert "is open: nhs reads" in share(*words, "--until", str(SOON), "--as", "olu")
    (grant,) = grants_of(project, "recipient:nhs")
    assert grant.terms.columns[CLIENT] == {"ward": Treatment.CLEAR, "born": Treatment.YEAR}
    assert grant.terms.rows == (Condition("ward", ("North",)),)
    new = json.loads(share("recipient", "rotate", "nhs", "--overlap", "0s", "--as", "olu"))
    assert recipient_by(project, new["bearerToken"]) and recipient_by(project, profile["bearerToken"]) is None
    rows = json.loads(share("recipient", "list", "--json"))
    (row,) = [row for row in rows if row["recipient"] == "nhs"]
    assert (row["state"], row["reads"]) == ("good", "adults.care.client") and new["bearerToken"] not in str(rows)
    share("recipient", "revoke", "nhs", "--as", "olu")
    assert recipient_by(project, new["bearerToken"]) is None
