"""What is given to a recipient: asked for in its name under its agreement, and answered as any request is.

So the owner of the domain gives, the data protection officer too where the classification asks for it, nothing goes
beyond the agreement, and owners look at it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from vestry.catalogue.model import Catalogue
from vestry.governance.access.grants import grants_of
from vestry.governance.access.terms import Condition, Terms
from vestry.governance.access.treatment import Treatment
from vestry.governance.identity.user import User
from vestry.governance.recipients import Recipient
from vestry.governance.requests import Request, answer, ask, to_answer
from vestry.governance.state import today
from vestry.project import Project, TableName, VestryError
from vestry.project.errors import did_you_mean


def offer(
    project: Project,
    catalogue: Catalogue,
    recipient: Recipient,
    table: TableName,
    columns: Mapping[str, Treatment],
    rows: Sequence[Condition],
    until: date,
    by: User,
) -> Request:
    """Give a table to a recipient, as far as it is the user's to give: the request says who else must answer.

    Without `columns` it is all that the agreement covers. Raises VestryError where the agreement does not cover it.
    """
    if recipient.revoked is not None:
        raise VestryError(f"the recipient `{recipient.name}` is revoked", mend="add another, by another name")
    entry = catalogue.tables.get(table)
    if entry is None:
        mend = did_you_mean(str(table), map(str, catalogue.tables))
        raise VestryError(f"there is no table {table}", mend=mend)
    agreement = project.agreements.get(recipient.agreement)
    if agreement is None or str(table) not in agreement.spec.tables:
        known = list(agreement.spec.tables) if agreement else []
        what = f"the agreement `{recipient.agreement}` does not cover {table}"
        raise VestryError(what, mend=did_you_mean(str(table), known, "have the agreement changed"))
    shown = columns or {name: Treatment.CLEAR for name in entry.by_name if agreement.covers(table, name)}
    wanted = _with_others(project, recipient, table, Terms({table: shown}, until, tuple(rows)))
    product = f"{table.domain}.{table.product}"
    asked = ask(project, catalogue, recipient.user, product, "", wanted, recipient.agreement)
    if asked.id not in {request.id for request in to_answer(project, by)}:
        return asked
    return answer(project, catalogue, asked.id, by, "approved", f"given to {recipient.name}")


def _with_others(project: Project, recipient: Recipient, table: TableName, wanted: Terms) -> Terms:
    """The terms with the other tables of the product that the recipient has: one grant holds them all."""
    for grant in grants_of(project, recipient.id):
        others = {t: columns for t, columns in grant.terms.columns.items() if t != table}
        is_same = grant.product == f"{table.domain}.{table.product}" and grant.agreement == recipient.agreement
        if not others or not is_same or not grant.is_open(today(project)):
            continue
        if (grant.terms.rows, grant.terms.until, grant.terms.statistics) != (wanted.rows, wanted.until, False):
            what = (
                f"{recipient.name} has {', '.join(map(str, others))} by {grant.id}, until another day or of other rows"
            )
            raise VestryError(what, mend="the tables of a product are given alike: say the same, or end that grant")
        return replace(wanted, columns={**others, **wanted.columns})
    return wanted
