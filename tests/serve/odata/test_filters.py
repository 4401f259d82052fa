"""The language of `$filter`, whatever is written in it."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st

from vestry.serve.odata.filters import parse
from vestry.serve.rows.query import Compared, Wrong

NAMES = {"ward": "Ward of the repair", "urgent": "urgent"}


@given(st.text())
def test_a_text_is_itself_whatever_stands_in_it(text):
    doubled = text.replace("'", "''")
    assert parse(f"ward eq '{doubled}'", NAMES, {"urgent"}) == Compared(NAMES["ward"], "eq", text)


_WORDS = st.sampled_from(
    ["ward", "urgent", "nothing", "eq", "ne", "and", "or", "not", "in", "(", ")", ",", "'x'", "''", "1", "-1.5e3", "null",
     "true", "2025-01-31", "2025-01-31T12:00:00Z", "contains", "startswith(", "'", "$", "\n", "--", ";"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(_WORDS, max_size=15).map(" ".join)))
@example("not not urgent")
@example("contains")
def test_every_text_is_a_filter_or_is_refused(text):
    with suppress(Wrong):
        parse(text, NAMES, {"urgent"})
