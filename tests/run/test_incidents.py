"""Incidents: told once when they open, once when they are over, whoever fails to listen."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from council import Council
from servers.receivers import Mailbox, Webhook, certificate, mailbox, webhook  # noqa: F401
from vestry.project import TableName
from vestry.run.alerts import Message
from vestry.run.findings import findings_of
from vestry.run.incidents import INCIDENTS, OPEN, Finding, Standing, Teller, changes, read, settle, standing

pytestmark = pytest.mark.slow

JOB, REPAIR = "bronze.repairs.job", "housing.repairs.repair"
NOW = datetime(2026, 1, 10, 3, 0, tzinfo=UTC)


def after(known: Standing, findings: list[Finding], now: datetime = NOW) -> Standing:
    new = changes(known, findings, now)
    rows = [
        {
            "happened_at": NOW,
            "event": m.event,
            "about": m.event,
            "incident": m.id,
            "channels": "log",
            "message": json.dumps(vars(m)),
        }
        for m in [*known.messages, *new]
    ]
    return standing(rows)


def said(known: Standing) -> list[tuple[str, str]]:
    return [(m.event, m.subject) for m in known.messages]


def test_an_incident_opens_once_and_is_over_once():
    bad, well = Finding("failed", JOB, False, "it is down"), Finding("failed", JOB, True)
    known = after(Standing(), [well])
    for _ in range(3):
        known = after(known, [bad])
    for _ in range(3):
        known = after(known, [well])
    assert said(known) == [("opened", JOB), ("over", JOB)]
    assert said(after(known, [bad])) == [("opened", JOB), ("over", JOB), ("opened", JOB)]


def test_a_notice_is_told_once_and_again_only_after_a_week():
    notice = Finding("drift", JOB, False, "`x` is new", notice=True)
    known = after(after(Standing(), [notice]), [notice])
    assert said(known) == [("notice", JOB)]
    assert known.open == {}
    assert len(after(known, [notice], NOW + timedelta(days=8)).messages) == 2
    other = Finding("drift", JOB, False, "`y` is new", notice=True)
    assert len(after(known, [other]).messages) == 2


def told(council: Council) -> list[tuple[str, str]]:
    return [(e.kind, e.step) for e in council.events if e.kind in ("opened", "over", "notice", "untold")]


def test_a_run_tells_a_failure_once_and_that_it_is_over_once(repairs, webhook, mailbox):  # noqa: F811
    alerts(repairs, webhook, mailbox)
    repairs.good()
    assert webhook.posted == []
    bad = repairs.drop("b.csv", "")
    for _ in range(3):
        repairs.run()
    bad.unlink()
    repairs.run()
    assert told(repairs) == [("over", JOB)]
    repairs.run()
    assert told(repairs) == []
    assert [(p["event"], p["kind"], p["subject"]) for p in webhook.posted] == [
        ("opened", "failed", JOB), ("over", "failed", JOB),
    ]  # fmt: skip
    first = webhook.posted[0]
    assert (first["what"], first["concerns"], first["council"]) == ("the file is empty", [REPAIR], "Testham")
    assert [letter["Subject"] for letter in mailbox.letters] == [
        f"[Testham] failed: {JOB}",
        f"[Testham] Over: failed: {JOB}",
    ]
    text = mailbox.letters[0].get_content()
    assert "the file is empty" in text
    assert f"Concerns: {REPAIR}" in text
    assert repairs.lake.mark(INCIDENTS, OPEN) == 0


def alerts(
    council: Council, hook: Webhook, box: Mailbox | None = None, more: str = "", host: str = "127.0.0.1"
) -> None:
    text = f'[council]\nname = "Testham"\n[alerts]\nwebhook = "{hook.url}"\n{more}'
    if box:
        text += f'[alerts.email]\nhost = "{host}"\nport = {box.port}\nfrom = "vestry@example.org"\n'
        text += 'to = "night@example.org"\n' + ("starttls = false\n" if host == "127.0.0.1" else "")
    council.write("vestry.toml", text)


def test_a_post_is_signed_with_its_time(repairs, webhook, monkeypatch):  # noqa: F811
    monkeypatch.setenv("HOOK_SECRET", "correct horse")
    alerts(repairs, webhook, more='webhook_secret = "${HOOK_SECRET}"\n')
    repairs.drop("b.csv", "")
    repairs.run()
    headers, body = webhook.raw[0]
    message = headers["X-Vestry-Time"].encode() + b"." + body
    assert headers["X-Vestry-Signature"] == "sha256=" + hmac.new(b"correct horse", message, hashlib.sha256).hexdigest()
    assert headers["X-Vestry-Delivery"].endswith("/opened")
    assert b"correct horse" not in body


@pytest.mark.parametrize("status", [500, 404, 307, 302])
def test_what_could_not_be_told_is_said_in_the_log_and_told_later(repairs, webhook, status):  # noqa: F811
    alerts(repairs, webhook)
    repairs.drop("b.csv", "")
    webhook.status = status
    repairs.run()
    assert told(repairs) == [("opened", JOB), ("untold", JOB)]
    assert (
        next(e.detail for e in repairs.events if e.kind == "untold")
        == f"webhook: the webhook answered with status {status}"
    )
    assert len(webhook.raw) == 1
    webhook.status = 200
    repairs.run()
    repairs.run()
    assert [p["event"] for p in webhook.posted] == ["opened"]


def test_a_kill_between_telling_and_writing_it_down_tells_it_again_under_the_same_name(repairs):
    repairs.drop("b.csv", "")
    workspace = repairs.open()
    outcomes = [workspace.attempt(TableName.parse(JOB), lambda _: None)]
    settle(
        workspace.lake,
        lambda: workspace.engine,
        list(findings_of(workspace.project, workspace.graph, outcomes)),
        ["pager"],
    )
    sent: list[str] = []

    def killed(message: Message) -> None:
        sent.append(f"{message.id}/{message.event}")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Teller(lambda _: None).tell(workspace.lake, lambda: workspace.engine, {"pager": killed})
    teller = Teller(lambda _: None)
    for _ in range(2):
        teller.tell(
            workspace.lake,
            lambda: workspace.engine,
            {"pager": lambda message: sent.append(f"{message.id}/{message.event}")},
        )
    assert len(sent) == 2
    assert len(set(sent)) == 1
    workspace.close()


def test_mail_goes_encrypted_or_not_at_all(repairs, webhook, certificate, monkeypatch):  # noqa: F811
    plain, secure = Mailbox(), Mailbox(certificate)
    try:
        alerts(repairs, webhook, plain, host="localhost")
        repairs.drop("b.csv", "")
        repairs.run()
        assert plain.letters == []
        assert "untold" in [kind for kind, _ in told(repairs)]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        alerts(repairs, webhook, secure, host="localhost")
        repairs.run()
        assert [letter["Subject"] for letter in secure.letters] == [f"[Testham] failed: {JOB}"]
        assert secure.encrypted == [True]
    finally:
        plain.close()
        secure.close()


def test_a_broken_rule_is_an_incident_of_quality_and_warnings_are_too(repairs):
    rule = "quality: [{metric: nullValues, mustBe: 0, severity: %s, name: cost is known}]"
    contract = repairs.root / "domains/housing/repairs/contract.yaml"
    plain = contract.read_text()
    for severity in ("error", "warn"):
        contract.write_text(
            plain.replace('physicalType: "DECIMAL(18,2)"', f'physicalType: "DECIMAL(18,2)", {rule % severity}')
        )
        repairs.drop("b.csv", "job,uprn,done,cost\nB1,5,2024-01-01,\n")
        repairs.run()
        assert [(m.kind, m.subject) for m in read(repairs.lake).open.values()] == [("quality", REPAIR)]
        repairs.drop("b.csv", "job,uprn,done,cost\nB1,5,2024-01-01,3\n")
        repairs.run()
        assert read(repairs.lake).open == {}


def test_only_who_was_to_be_told_then_is_told_later(repairs, webhook):  # noqa: F811
    repairs.drop("b.csv", "")
    repairs.run()
    alerts(repairs, webhook)
    repairs.run()
    assert webhook.posted == []


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ('[alerts]\nwebhook = "ftp://x"\n', "vestry.toml:4: `alerts.webhook` must be a URL that begins with https://"),
        ('[alerts.email]\nhost = "x"\nfrom = "a"\nto = []\n', "vestry.toml:6: `alerts.email.to` is empty"),
        ('[alerts]\nwebhok = "https://x"\n', "vestry.toml:4: unknown key `alerts.webhok`\n    did you mean `webhook`?"),
        ('[state]\nurl = "mysql://x"\n', "vestry.toml:4: `state.url` must be postgresql://"),
    ],
)
def test_settings_that_cannot_be_are_faults_with_their_line(council, settings, fault):
    council.write("vestry.toml", f'[council]\nname = "Testham"\n{settings}')
    assert fault in council.cli("check").stdout
