"""Telling people of incidents: a webhook, and email."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from email.message import EmailMessage

from vestry.project import DataError, Project
from vestry.project.models import AlertSettings, EmailSettings
from vestry.project.project import expand

_SECONDS = 20.0
_HEAD = {"opened": "", "over": "Over: ", "notice": "For your information: "}


@dataclass(frozen=True)
class Message:
    """What is told: an incident `opened`, it is `over`, or a `notice` that needs no end. `id` is the incident's.

    `concerns` names the tables that suffer, or of a late one those that it waits for.
    """

    id: str
    event: str
    kind: str
    subject: str
    at: str
    what: str = ""
    where: str = ""
    mend: str = ""
    owner: str = ""
    concerns: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{_HEAD[self.event]}{self.kind}: {self.subject}"


#: Sends a message, or raises.
Send = Callable[[Message], None]


def channels(project: Project) -> dict[str, Send]:
    """Whom the project wants told, besides its log."""
    alerts = project.settings.alerts
    found: dict[str, Send] = {}
    if alerts.webhook:
        found["webhook"] = lambda message: _post(project, alerts, message)
    if email := alerts.email:
        found["email"] = lambda message: _mail(project, email, message)
    return found


def _expanded(project: Project, text: str) -> str:
    return expand(text, "vestry.toml", project.env)


def _post(project: Project, alerts: AlertSettings, message: Message) -> None:
    """Post the message as JSON. What is signed, with HMAC-SHA-256, is the time, a full stop and the body."""
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Nowhere(HTTPRedirectHandler):
        """A redirect would turn the post into a get, or take it to somebody else."""

        def redirect_request(self, *_: object, **__: object) -> None:
            return None

    body = json.dumps({**asdict(message), "council": project.settings.council.name}, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "X-Vestry-Delivery": f"{message.id}/{message.event}"}
    if alerts.webhook_secret:
        key, now = _expanded(project, alerts.webhook_secret).encode(), str(int(time.time()))
        signed = hmac.new(key, now.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers |= {"X-Vestry-Time": now, "X-Vestry-Signature": f"sha256={signed}"}
    url = _expanded(project, str(alerts.webhook))
    if not url.startswith(("https://", "http://")):
        raise DataError("the webhook's URL does not begin with https://", "vestry.toml")
    request = Request(url, data=body, headers=headers, method="POST")  # noqa: S310  # it is one of the web
    try:
        build_opener(Nowhere).open(request, timeout=_SECONDS).close()
    except HTTPError as error:
        raise DataError(f"the webhook answered with status {error.code}", "vestry.toml") from error
    except OSError as error:
        raise DataError(f"the webhook cannot be reached ({type(error).__name__})", "vestry.toml") from error


def _mail(project: Project, settings: EmailSettings, message: Message) -> None:
    import smtplib
    import ssl

    letter = EmailMessage()
    letter["Subject"] = f"[{project.settings.council.name}] {message.title}"
    letter["From"], letter["To"] = settings.from_, ", ".join(settings.to)
    letter["Message-ID"] = f"<{message.id}.{message.event}@{settings.from_.partition('@')[2] or 'vestry'}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(text(asdict(message)))
    try:
        with smtplib.SMTP(settings.host, settings.port, timeout=_SECONDS) as server:
            if settings.starttls:
                server.starttls(context=ssl.create_default_context())
            if settings.username:
                server.login(_expanded(project, settings.username), _expanded(project, settings.password or ""))
            server.send_message(letter)
    except (OSError, smtplib.SMTPException) as error:
        # What a server says may repeat what it was told: only the kind of the error is kept.
        said = f"the mail server {settings.host} did not take the message ({type(error).__name__})"
        raise DataError(said, "vestry.toml", "check [alerts.email]") from error


def text(message: Mapping[str, object]) -> str:
    """A message in words, a line for each thing that is known."""
    lines = [f"{message['kind']}: {message['subject']} ({message['event']} at {message['at']})", ""]
    lines += [str(message[key]) for key in ("what", "where", "mend") if message[key]]
    if message["owner"]:
        lines.append(f"Owner: {message['owner']}")
    concerns = message["concerns"]
    if isinstance(concerns, list | tuple) and concerns:
        lines.append(f"{'Waits for' if message['kind'] == 'late' else 'Concerns'}: {', '.join(map(str, concerns))}")
    return "\n".join(lines) + "\n"
