"""Bytes to text and back."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vllint.text.source import SourceText, UndecodableText, decode

MARKS = [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"]


@given(st.sampled_from(MARKS), st.binary(max_size=40))
def test_what_can_be_decoded_encodes_to_the_same_bytes(mark: bytes, body: bytes) -> None:
    try:
        source = decode("a", mark + body)
    except UndecodableText as error:
        assert 0 <= error.offset <= len(mark + body)
    else:
        assert source.encode() == mark + body


@given(st.text(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_text_of_each_accepted_encoding_is_read(text: str, encoding: str) -> None:
    assume(not (encoding == "utf-8" and text.startswith("\ufeff")))
    # A mark of UTF-16 with a NUL behind it is the mark of UTF-32.
    assume(not (encoding == "utf-16" and text.startswith("\0")))
    assert decode("a", text.encode(encoding)).text == text


def test_line_breaks_and_the_byte_order_mark_survive_an_edit() -> None:
    source = decode("a.yaml", b"\xef\xbb\xbfa: 1\r\nb: 2\r")
    assert source == SourceText("a.yaml", "a: 1\r\nb: 2\r", True, "utf-8")
    assert source.encode(source.text.replace("1", "é")) == b"\xef\xbb\xbfa: \xc3\xa9\r\nb: 2\r"


@pytest.mark.parametrize(
    ("raw", "offset"),
    [
        (b"a: \xff", 3),
        (b"\xef\xbb\xbfa: \xe9", 6),
        (b"\xff\xfea\x00\x00\xd8", 4),
        (b"\xff\xfe\x00\x00a\x00\x00\x00", 0),
    ],
)
def test_what_is_no_text_is_refused_with_the_byte_where_it_ends(raw: bytes, offset: int) -> None:
    with pytest.raises(UndecodableText) as caught:
        decode("a.yaml", raw)
    assert (caught.value.path, caught.value.offset) == ("a.yaml", offset)
    assert f"at byte {offset}" in str(caught.value)
