"""How a right ends in PostgreSQL: at once, by itself, and whoever is in the middle of something."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date, timedelta

import pytest
from bi import CLEAR, CLIENT, HASHED, PURPOSE, Bi
from psycopg.errors import InsufficientPrivilege

from governed import ANN, NURSE, OWNER, PEOPLE
from vestry.governance.access.terms import Condition
from vestry.governance.access.treatment import Treatment
from vestry.governance.identity import accounts
from vestry.governance.requests import answer, ask, narrow, revoke
from vestry.project import DataError
from vestry.run.events import Event
from vestry.serve.postgres.publish import publish

pytestmark = pytest.mark.slow


def test_a_grant_that_ends_is_gone_at_once_also_while_its_reader_reads(bi: Bi) -> None:
    grant = bi.grant(ANN, {"name": CLEAR})
    other = bi.grant(NURSE, {"name": CLEAR})
    bi.publish()
    ann, nurse = bi.role(ANN), bi.role(NURSE)
    with bi.reading(ann) as con, con.transaction():
        con.execute(f"SELECT * FROM {ann}.adults_care_client")
        revoke(bi.project, grant.id, OWNER, "no longer needed")  # waits for no reader
        with pytest.raises(InsufficientPrivilege):
            con.execute(f"SELECT * FROM {ann}.adults_care_client")
    assert len(bi.rows(nurse, f"SELECT * FROM {nurse}.adults_care_client")) == 3
    bi.publish()
    found = bi.admin("SELECT schemaname FROM pg_views WHERE viewname = 'adults_care_client'")
    assert found == [(nurse,)]
    assert bi.admin(f"SELECT * FROM pg_policies WHERE roles::text ~ '{ann}'") == []
    revoke(bi.project, other.id, OWNER, "no longer needed")
    bi.publish()
    assert len(bi.physical()) == 1


def test_a_column_taken_from_a_grant_is_gone_at_once_and_the_rest_comes_back(bi: Bi) -> None:
    grant = bi.grant(ANN, {"name": CLEAR, "ward": CLEAR})
    bi.publish()
    view = f"{bi.role(ANN)}.adults_care_client"
    narrow(bi.project, grant.id, OWNER, grant.terms.without([(CLIENT, "name")]))
    with pytest.raises(InsufficientPrivilege):
        bi.rows(bi.role(ANN), f"SELECT * FROM {view}")
    bi.publish()
    assert bi.rows(bi.role(ANN), f"SELECT * FROM {view} ORDER BY 1") == [("North",), ("North",), ("South",)]


@pytest.mark.parametrize("by", ["until", "review"])
def test_a_grant_ends_by_itself_on_its_day_whatever_clock_a_session_sets(bi: Bi, by: str) -> None:
    # Published forty days ago: the server's own clock says that it is over since.
    project = replace(bi.project, clock=lambda: time.time() - 40 * 86_400)
    bi.gate.live.workspace.project = project
    over = date.today() - timedelta(days=1)
    bi.grant(ANN, {"name": CLEAR}, **({"until": over} if by == "until" else {"review": over}))
    bi.grant(NURSE, {"name": CLEAR})
    assert ("adults.care.client", 3) in bi.publish().sent
    sql = "SELECT count(*) FROM {}.adults_care_client"
    assert bi.rows(bi.role(NURSE), sql.format(bi.role(NURSE))) == [(3,)]
    with bi.reading(bi.role(ANN)) as con:
        con.execute("SET timezone = '+14'")
        assert con.execute(sql.format(bi.role(ANN))).fetchone() == (0,)


def test_an_account_that_is_switched_off_reads_nothing_more(bi: Bi) -> None:
    bi.grant(ANN, {"name": CLEAR})
    bi.publish()
    accounts.change(bi.project, ANN.id, is_off=True)
    for view in (f"{bi.role(ANN)}.adults_care_client", "vestry.adults_wards_ward"):
        with pytest.raises(InsufficientPrivilege):
            bi.rows(bi.role(ANN), f"SELECT * FROM {view}")
    assert ("adults.care.client for u-ann", "there is no such account, or it is switched off") in bi.publish().left_out


def test_a_grant_that_ends_while_its_rows_are_loaded_is_not_given(bi: Bi) -> None:
    grant = bi.grant(ANN, {"name": CLEAR})

    def listen(event: Event) -> None:
        if event.kind == "done" and event.step == "adults.care.client":
            revoke(bi.project, grant.id, OWNER, "no longer needed")

    publish(bi.gate, bi.server, bi.project.settings.publish["bi"], listen)
    assert bi.admin("SELECT * FROM pg_views WHERE viewname = 'adults_care_client'") == []
    assert bi.admin("SELECT * FROM pg_policies") == []


def test_a_grant_that_ends_while_its_new_rows_are_loaded_is_taken_from_the_old(bi: Bi) -> None:
    grant = bi.grant(ANN, {"name": CLEAR, "ward": CLEAR}, Condition("ward", ("North",)))
    bi.grant(NURSE, {"name": CLEAR, "ward": CLEAR})
    bi.publish()
    bi.more(PEOPLE + "4,Di Testperson,1999-01-01,WX1 1AC,North,\n")
    bi.gate.live.refresh()

    def listen(event: Event) -> None:
        if event.kind == "done" and event.step == "adults.care.client":
            revoke(bi.project, grant.id, OWNER, "no longer needed")

    publish(bi.gate, bi.server, bi.project.settings.publish["bi"], listen)
    found = bi.admin("SELECT schemaname FROM pg_views WHERE viewname = 'adults_care_client'")
    assert found == [(bi.role(NURSE),)]
    assert len(bi.rows(bi.role(NURSE), f"SELECT * FROM {bi.role(NURSE)}.adults_care_client")) == 4
    assert len(bi.physical()) == 2


def test_where_the_server_is_away_whoever_ends_a_grant_is_told(bi: Bi) -> None:
    grant = bi.grant(ANN, {"name": CLEAR})
    bi.council.write(".env", "BI_URL=postgresql://publisher:tawny-owl@127.0.0.1:1/gone\n")
    bi.settings('[publish.bi]\nurl = "${BI_URL}"\ntables = ["adults.care"]\n')
    with pytest.raises(DataError, match="it is ended, but PostgreSQL could not be told") as failed:
        revoke(bi.project, grant.id, OWNER, "no longer needed")
    assert "tawny" not in str(failed.value)
    assert bi.gate.readers(CLIENT) == []


def test_a_narrower_grant_in_its_place_shuts_what_the_older_showed(bi: Bi) -> None:
    def approved(columns: dict[str, Treatment]) -> None:
        terms = replace(bi.grant(NURSE, {"ward": CLEAR}).terms, columns={CLIENT: columns})
        asked = ask(bi.project, bi.gate.live.catalogue(), ANN, "adults.care", PURPOSE, terms, None)
        answer(bi.project, bi.gate.live.catalogue(), asked.id, OWNER, "approved", "")

    approved({"name": CLEAR, "id": HASHED})
    bi.publish()
    view = f"{bi.role(ANN)}.adults_care_client"
    approved({"name": CLEAR, "id": CLEAR})  # more is not less: what there is stays
    assert len(bi.rows(bi.role(ANN), f"SELECT * FROM {view}")) == 3
    bi.publish()
    approved({"name": CLEAR})
    with pytest.raises(InsufficientPrivilege):
        bi.rows(bi.role(ANN), f"SELECT * FROM {view}")
    bi.publish()
    assert len(bi.rows(bi.role(ANN), f"SELECT * FROM {view}")[0]) == 1


def test_each_purpose_has_a_view_whose_name_is_never_anothers(bi: Bi) -> None:
    workspace, project = bi.gate.live.workspace, bi.project
    workspace.project = replace(project, clock=lambda: time.time() - 3600)
    first = bi.grant(ANN, {"name": CLEAR, "ward": CLEAR}, Condition("ward", ("North",)))
    workspace.project = project
    bi.grant(ANN, {"name": CLEAR, "ward": CLEAR}, Condition("ward", ("South",)), purpose="visits to residents")
    bi.publish()
    role = bi.role(ANN)
    wards = {
        name: {ward for (ward,) in bi.rows(role, f"SELECT ward FROM {role}.{name}")}
        for name in ("adults_care_client", "adults_care_client__2")
    }
    assert wards == {"adults_care_client": {"North"}, "adults_care_client__2": {"South"}}
    revoke(bi.project, first.id, OWNER, "no longer needed")
    bi.publish()
    found = bi.admin(f"SELECT viewname FROM pg_views WHERE schemaname = '{role}'")
    assert found == [("adults_care_client__2",)]
