"""Two messages side by side: equal lines plain, changed headers beside each other, secrets cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from message_samples import a_registration, a_request

from sipstub.trace.ladder.diff import MAX_LINES, diff_messages, diff_text


def marked(left: bytes, right: bytes) -> list[tuple[str, str, str]]:
    return [(line.mark, line.left, line.right) for line in diff_messages(left, right) if line.mark != " "]


def test_changed_added_and_removed_headers_stand_out() -> None:
    one = a_request(extra=("Expires: 3600", "Supported: path"))
    two = a_request(cseq=2, extra=("Expires: 600", "User-Agent: x"))
    assert marked(one, two) == [
        ("|", "CSeq: 1 REGISTER", "CSeq: 2 REGISTER"),
        ("|", "Expires: 3600", "Expires: 600"),
        ("<", "Supported: path", ""),
        (">", "", "User-Agent: x"),
    ]


def test_equal_messages_have_no_mark() -> None:
    assert marked(a_request(), a_request()) == []
    assert len(diff_messages(a_request(), a_request())) == a_request().count(b"\r\n") - 1


def test_lines_of_sdp_are_paired_by_their_kind() -> None:
    one = a_request("INVITE", body=b"v=0\r\nm=audio 1 RTP/AVP 8\r\na=ptime:20\r\n")
    two = a_request("INVITE", body=b"v=0\r\nm=audio 1 RTP/AVP 0\r\na=ptime:30\r\n")
    assert marked(one, two) == [
        ("|", "m=audio 1 RTP/AVP 8", "m=audio 1 RTP/AVP 0"),
        ("|", "a=ptime:20", "a=ptime:30"),
    ]


def test_no_secret_and_no_control_character_is_shown() -> None:
    said = a_registration()
    text = diff_text(said[0].data, said[2].data + b"\x1b[31m")
    assert "0123456789" not in text and "c0ffee" not in text and "\x1b" not in text and "\\x1b" in text


def test_long_lines_are_broken_and_stay_in_their_column() -> None:
    text = diff_text(a_request(extra=("X-Long: " + "a" * 90,)), a_request(), width=80)
    assert max(map(len, text.splitlines())) <= 80 and "a" * 38 in text


def test_long_messages_are_bounded() -> None:
    many = b"\r\n".join(b"X: %d" % number for number in range(MAX_LINES + 50))
    assert diff_messages(many, many)[-1].left == "(50 more lines)"


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_give_all_lines_of_both_sides(left: bytes, right: bytes) -> None:
    lines = diff_messages(left, right)
    again = diff_messages(left, left)
    assert [line.left for line in lines if line.mark != ">"] == [line.left for line in again]
