"""What differs between what should be on a server and what is."""

from __future__ import annotations

from dataclasses import dataclass

from vestry.serve.postgres.books import Books, Right
from vestry.serve.postgres.wanted import Seen, Wanted


@dataclass(frozen=True)
class Changes:
    """`sent` are keys of pieces whose rows go out, `given` views that are made anew, `taken` rights that end."""

    sent: tuple[str, ...]
    given: tuple[Seen, ...]
    taken: tuple[Right, ...]
    #: Keys of pieces that nobody sees any more.
    gone: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.sent or self.given or self.taken or self.gone)


def changes_of(wanted: Wanted, books: Books) -> Changes:
    """The least that must be done."""
    pieces = wanted.pieces
    stamps = {key: piece.stamp for key, piece in books.pieces.items()}
    sent = tuple(key for key, views in pieces.items() if stamps.get(key) != wanted.stamp(views))
    there = {(seen.schema, seen.name): seen for seen in wanted.seen}
    given = tuple(
        seen
        for place, seen in there.items()
        if place not in books.rights or books.rights[place].definition != seen.definition or seen.piece in sent
    )
    taken = tuple(right for place, right in books.rights.items() if _is_over(right, there.get(place)))
    return Changes(sent, given, taken, tuple(key for key in books.pieces if key not in pieces))


def _is_over(right: Right, seen: Seen | None) -> bool:
    """Whether a right ends before another comes in its place: what shows the same columns under a newer grant stays."""
    return seen is None or (seen.grant != right.grant and seen.piece != right.piece)


def rows_of_plan(wanted: Wanted, changes: Changes) -> list[dict[str, str]]:
    """What would change, a line for each: for people."""
    found = []
    for seen in wanted.seen:
        what = "send" if seen.piece in changes.sent else "give" if seen in changes.given else ""
        if what:
            why = f"for: {seen.view.purpose}" if seen.view.grant else "staff"
            found.append({"what": what, "table": str(seen.view.table), "as": f"{seen.schema}.{seen.name}", "why": why})
    for right in changes.taken:
        said = f"the grant {right.grant} is not open" if right.grant else "it is not published to staff any more"
        found.append({"what": "take", "table": "", "as": f"{right.schema}.{right.name}", "why": said})
    for about, why in wanted.left_out:
        found.append({"what": "leave out", "table": about, "as": "", "why": why})
    return found
