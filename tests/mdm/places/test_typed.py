"""What somebody types, read into its parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestry.mdm.places.typed import Code, Number, plain, read


def parts(text: str) -> tuple[list[str], list[str], list[str]]:
    """(words, numbers, postcodes); a flat's number is marked."""
    typed = read(text)
    return (
        [w.text for w in typed.words],
        [f"flat {n.text}" if n.of_unit else n.text for n in typed.numbers],
        [f"{c.outward} {c.inward}".strip() for c in typed.codes],
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flat 2 12 hgh st", (["hgh", "st"], ["flat 2", "12"], [])),
        ("Flt 2, 12 High Street", (["high", "street"], ["flat 2", "12"], [])),
        ("Apartment B, 9 Quay St", (["quay", "st"], ["flat b", "9"], [])),
        ("12A High Street", (["high", "street"], ["12a"], [])),
        ("12 A High Street", (["high", "street"], ["12a"], [])),
        ("12high street", (["high", "street"], ["12"], [])),
        ("2/12 high", (["high"], ["2", "12"], [])),
        ("no. 12 high", (["high"], ["12"], [])),
        ("O'Hara's Court", (["oharas", "court"], [], [])),
        ("first floor flat 7 quay", (["first", "floor", "flat", "quay"], ["7"], [])),
        ("wx1 2ab 12 high", (["high"], ["12"], ["wx1 2ab"])),
        ("12 high wx12ab", (["high"], ["12"], ["wx1 2ab"])),
        ("12 high wx1", (["high"], ["12"], ["wx1"])),
        ("12 high WX1 2", (["high"], ["12"], ["wx1 2"])),
        ("12 high WX12 2a", (["high"], ["12"], ["wx12 2a"])),
        ("wx122ab", ([], [], ["wx12 2ab"])),
        ("wx1 12 high", (["high"], ["12"], ["wx1"])),
        ("", ([], [], [])),
        ("  ,.- ", ([], [], [])),
    ],
)
def test_a_text_is_read_into_words_numbers_and_postcodes(text, expected):
    assert parts(text) == expected


def test_the_last_part_is_being_typed_until_a_space_follows():
    assert [w.is_last for w in read("12 high st").words] == [False, True]
    assert [w.is_last for w in read("12 high st ").words] == [False, False]
    assert read("high 1").numbers == (Number("1", is_last=True),)
    assert read("high wx1").codes == (Code("wx1", is_last=True),)


def test_a_short_word_may_be_several():
    assert read("st").words[0].forms == ("st", "saint", "street")
    assert read("flt").words[0].forms == ("flat",)


@given(st.text(max_size=60))
def test_no_text_is_too_strange_to_be_read(text):
    typed = read(text)
    assert bool(typed) == bool(typed.words or typed.numbers or typed.codes)
    for word in plain(text):
        assert word.isascii()
        assert word.isalnum()


@given(
    st.lists(st.sampled_from(["flat", "2", "12", "12a", "high", "st", "wx1", "2ab", "a", "the", "floor"]), max_size=8)
)
def test_case_commas_and_spaces_change_nothing(tokens):
    assert read(" ".join(tokens)) == read(",  ".join(tokens).upper())
