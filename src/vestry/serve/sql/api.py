"""`POST /api/sql`: a question for programs, with a token of the scope `sql`."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from vestry.governance.sql.questions import Answer
from vestry.governance.sql.workers import NotAnswered
from vestry.project import VestryError
from vestry.project.errors import did_you_mean
from vestry.serve import problems
from vestry.serve.page import portal_of, user_of, where_of
from vestry.serve.sql.sent import FORMS, Form
from vestry.serve.sql.turns import Busy

#: Bytes of what is sent to us.
_MOST = 128 * 2**10
_KEYS = {"sql", "purpose", "format"}


async def ask(request: Request) -> Response:
    """Answer `{"sql": …, "purpose": …, "format": …}`; errors are those of RFC 9457."""
    try:
        asked = await _asked(request)
        form = _form(asked.get("format", "json"))
        where = where_of(request, "sql")
        answer = await portal_of(request).sql.ask(user_of(request), asked["sql"], where, asked.get("purpose", ""))
        return sent(answer, form)
    except VestryError as error:
        return _problem(error)


def sent(answer: Answer, form: Form) -> Response:
    """The answer as a file, which nothing on the way keeps."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="answer.{form.name}"',
        "X-Rows": str(answer.rows.num_rows),
        "X-Cut": "yes" if answer.is_cut else "no",
    }
    if form.name == "json":
        del headers["Content-Disposition"]
    return StreamingResponse(form.encode(answer), 200, headers, form.media_type)


def status_of(error: VestryError) -> int:
    """The status by which an error is answered."""
    if isinstance(error, NotAnswered):
        return 409 if error.kind == "changed" else 400
    return 429 if isinstance(error, Busy) else problems.status_of(error)[0]


async def _asked(request: Request) -> dict[str, Any]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST:
            raise VestryError(f"the request is longer than {_MOST:,} bytes", mend="make a product of the question")
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    mend = 'send JSON: {"sql": "SELECT …", "purpose": "…", "format": "json"}'
    if not isinstance(asked, dict) or not isinstance(asked.get("sql"), str):
        raise VestryError("there is no question in the request", mend=mend)
    for key, found in asked.items():
        if key not in _KEYS or not isinstance(found, str):
            raise VestryError(f"the request has a key `{key[:60]}` that is not known, or is no text", mend=mend)
    return asked


def _form(name: str) -> Form:
    if name not in FORMS:
        raise VestryError(f"there is no format `{name[:60]}`", mend=did_you_mean(name, FORMS))
    return FORMS[name]


def _problem(error: VestryError) -> Response:
    status = status_of(error)
    what = f"{error.where}: {error.what}" if error.where else error.what
    headers = {"Retry-After": "10"} if status == 429 else {}
    detail = f"{what[:1].upper()}{what[1:]}."
    return problems.problem(status, "The question is not answered", detail, error.mend, headers)


routes = [Route("/api/sql", ask, methods=["POST"])]
