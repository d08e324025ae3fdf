"""What can be done to a line, to a part of it, to a separator, to a body and to a whole message so that it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable

COMPACT = {
    b"Via": b"v",
    b"From": b"f",
    b"To": b"t",
    b"Call-ID": b"i",
    b"Contact": b"m",
    b"Supported": b"k",
    b"Content-Type": b"c",
    b"Content-Length": b"l",
    b"Event": b"o",
    b"Session-Expires": b"x",
}
LONG, LONGER, LONGEST = 1_000, 17_000, 60_000
MANY = 150


def message(start: bytes, lines: Iterable[bytes], body: bytes = b"") -> bytes:
    """Return the pieces in one."""
    return b"\r\n".join([start, *lines]) + b"\r\n\r\n" + body


def _line(name: bytes, value: bytes) -> bytes:
    return name + b": " + value


def _middle(value: bytes, inserted: bytes) -> bytes:
    at = len(value) // 2
    return value[:at] + inserted + value[at:]


def _letter(name: bytes) -> bytes:
    return COMPACT.get(name, name[:1])


LINE_EDITS: dict[str, Callable[[bytes, bytes], list[bytes]]] = {
    "missing": lambda name, value: [],
    "doubled": lambda name, value: [_line(name, value)] * 2,
    "a second, other one": lambda name, value: [_line(name, value), _line(name, value + b"9")],
    "another one before": lambda name, value: [_line(name, b"9" + value), _line(name, value)],
    "empty": lambda name, value: [name + b":"],
    "blank": lambda name, value: [name + b":  \t "],
    "no colon": lambda name, value: [name + b" " + value],
    "no blank": lambda name, value: [name + b":" + value],
    "blank before colon": lambda name, value: [name + b" \t: " + value],
    "folded": lambda name, value: [name + b":\r\n " + value],
    "folded in the middle": lambda name, value: [_line(name, _middle(value, b"\r\n\t "))],
    "folded to nothing": lambda name, value: [_line(name, value) + b"\r\n "],
    "compact": lambda name, value: [_line(_letter(name), value)],
    "compact and long": lambda name, value: [_line(name, value), _line(_letter(name), value)],
    "upper case": lambda name, value: [_line(name.upper(), value.upper())],
    "lower case": lambda name, value: [_line(name.lower(), value.lower())],
    "long": lambda name, value: [_line(name, value + b"x" * LONG)],
    "longer": lambda name, value: [_line(name, value + b"x" * LONGER)],
    "longest": lambda name, value: [_line(name, value + b"x" * LONGEST)],
    "long before": lambda name, value: [_line(name, b"x" * LONG + value)],
    "comma before": lambda name, value: [_line(name, b"," + value)],
    "comma behind": lambda name, value: [_line(name, value + b",")],
    "commas alone": lambda name, value: [_line(name, b", ,," * LONG)],
    "twice with a comma": lambda name, value: [_line(name, value + b", " + value)],
    "many times with commas": lambda name, value: [_line(name, b", ".join([value] * min(MANY, 15_000 // (len(value) + 2))))],
    "many lines": lambda name, value: [_line(name, value)] * MANY,
    "many parameters": lambda name, value: [_line(name, value + b"".join(b";p%d=%d" % (n, n) for n in range(LONG)))],
    "NUL before": lambda name, value: [_line(name, b"\0" + value)],
    "NUL in the middle": lambda name, value: [_line(name, _middle(value, b"\0"))],
    "NUL behind": lambda name, value: [_line(name, value + b"\0")],
    "bad UTF-8": lambda name, value: [_line(name, _middle(value, b"\xff\xfe"))],
    "overlong UTF-8": lambda name, value: [_line(name, value + b"\xc0\xaf\xe0\x80\xaf")],
    "a surrogate": lambda name, value: [_line(name, value + b"\xed\xa0\x80")],
    "letters of many bytes": lambda name, value: [_line(name, _middle(value, "é漢\U0001f600\u202e".encode()))],
    "CR alone": lambda name, value: [_line(name, _middle(value, b"\r"))],
    "LF alone": lambda name, value: [_line(name, _middle(value, b"\n"))],
    "escape characters": lambda name, value: [_line(name, _middle(value, b"\x1b[2J\x07\x7f"))],
    "quote before": lambda name, value: [_line(name, b'"' + value)],
    "quote behind": lambda name, value: [_line(name, value + b'"')],
    "quoted": lambda name, value: [_line(name, b'"' + value + b'"')],
    "backslash behind": lambda name, value: [_line(name, value + b"\\")],
    "quote and backslash behind": lambda name, value: [_line(name, value + b';a="\\')],
    "bracket before": lambda name, value: [_line(name, b"<" + value)],
    "bracket behind": lambda name, value: [_line(name, value + b">")],
    "brackets": lambda name, value: [_line(name, b"<<" * 200 + value + b">>" * 200)],
    "round brackets": lambda name, value: [_line(name, b"(" * 2000 + value)],
    "a star": lambda name, value: [_line(name, b"*")],
    "no name": lambda name, value: [b": " + value],
    "NUL in the name": lambda name, value: [_line(name[:1] + b"\0" + name[1:], value)],
    "a strange name": lambda name, value: [_line(b"<" + name + b">", value)],
    "a second start line": lambda name, value: [_line(name, value) + b"\r\nREGISTER sip:a SIP/2.0"],
    "an end before": lambda name, value: [b"", _line(name, value)],
}

PART_EDITS: dict[str, Callable[[bytes], bytes]] = {
    "removed": lambda part: b"",
    "doubled": lambda part: part + part,
    "longer": lambda part: part + b"x" * 5_000,
    "0": lambda part: b"0",
    "-1": lambda part: b"-1",
    "+1": lambda part: b"+1",
    "1.5": lambda part: b"1.5",
    "0x10": lambda part: b"0x10",
    "leading zeros": lambda part: b"0" * 300 + part,
    "2147483648": lambda part: b"2147483648",
    "4294967296": lambda part: b"4294967296",
    "18446744073709551616": lambda part: b"18446744073709551616",
    "5,000 digits": lambda part: b"9" * 5_000,
    "a word": lambda part: b"abc",
    "digits of other scripts": lambda part: "٣२".encode(),
    "%00": lambda part: b"%00",
    "%zz": lambda part: b"%zz",
    "half an escape": lambda part: part + b"%",
    "NUL": lambda part: part + b"\0",
    "0xff": lambda part: b"\xff" + part,
    "a blank inside": lambda part: part[:1] + b" " + part[1:],
    "quoted": lambda part: b'"' + part + b'"',
    "in brackets": lambda part: b"<" + part + b">",
    "an IPv6 address": lambda part: b"[::1]",
    "no IPv6 address": lambda part: b"[:::1]",
    "a star": lambda part: b"*",
}

SEPARATORS = b',;=<>":@/?&[]\\ '
SEPARATOR_EDITS: dict[str, Callable[[bytes], bytes]] = {
    "removed": lambda part: b"",
    "doubled": lambda part: part + part,
    "many": lambda part: part * 500,
    "blanks around": lambda part: b" \t" + part + b"\t ",
    "folds around": lambda part: b"\r\n " + part + b"\r\n\t",
    **{f"as {chr(one)!r}": lambda part, one=one: bytes([one]) for one in SEPARATORS},  # type: ignore[misc]
}

BODY_EDITS: dict[str, Callable[[bytes], bytes]] = {
    "a body": lambda body: b"x" * 100,
    "NULs": lambda body: b"\0" * 5_000,
    "a long body": lambda body: b"y" * 9_000,
    "a very long body": lambda body: b"z" * 59_000,
    "every byte": lambda body: bytes(range(256)),
    "a message as body": lambda body: b"INVITE sip:a SIP/2.0\r\n\r\n",
    "reversed": lambda body: body[::-1],
    "many lines": lambda body: body + b"a=x\r\n" * 5_000,
    "numbers": lambda body: body.replace(b"1", b"99999999999999999999"),
    "LF": lambda body: body.replace(b"\r\n", b"\n"),
    "half": lambda body: body[: len(body) // 2],
}


def _length(value: bytes) -> Callable[[bytes, list[bytes], bytes], bytes]:
    return lambda start, lines, body: message(start, [*lines[:-1], b"Content-Length: " + value], body)


def _start(change: Callable[[bytes], bytes]) -> Callable[[bytes, list[bytes], bytes], bytes]:
    return lambda start, lines, body: message(change(start), lines, body)


MESSAGE_EDITS: dict[str, Callable[[bytes, list[bytes], bytes], bytes]] = {
    **{
        f"Content-Length {value!r}": _length(value)
        for value in (b"-1", b"1", b"5", b"99999999", b"1e3", b"0", b"", b"18446744073709551617")
    },
    "Content-Length twice": lambda start, lines, body: message(start, [*lines, b"Content-Length: 4"], body + b"abcd"),
    "Content-Length and l": lambda start, lines, body: message(start, [*lines, b"l: 0"], body),
    "a second message behind": lambda start, lines, body: message(start, lines, body) * 2,
    "garbage behind": lambda start, lines, body: message(start, lines, body) + b"\x80" * 300,
    "empty lines before": lambda start, lines, body: b"\r\n" * 3 + message(start, lines, body),
    "LF": lambda start, lines, body: message(start, lines, body).replace(b"\r\n", b"\n"),
    "CR": lambda start, lines, body: message(start, lines, body).replace(b"\r\n", b"\r"),
    "no end": lambda start, lines, body: message(start, lines)[:-2],
    "no headers": lambda start, lines, body: message(start, []),
    "headers backwards": lambda start, lines, body: message(start, lines[::-1], body),
    "no start line": lambda start, lines, body: message(lines[0], lines[1:], body),
    "SIP/1.0": _start(lambda start: start.replace(b"SIP/2.0", b"SIP/1.0")),
    "SIP/2.00": _start(lambda start: start.replace(b"SIP/2.0", b"SIP/2.00")),
    "HTTP/1.1": _start(lambda start: start.replace(b"SIP/2.0", b"HTTP/1.1")),
    "lower case": _start(bytes.lower),
    "another method": _start(lambda start: b"X" + start),
    "a response": _start(lambda start: b"SIP/2.0 200 OK"),
    "a strange response": _start(lambda start: b"SIP/2.0 999999 " + b"x" * 4_000),
    "URI in brackets": _start(lambda start: start.replace(b"sip:", b"<sip:").replace(b" SIP", b"> SIP")),
    "a long URI": _start(lambda start: start.replace(b"sip:", b"sip:" + b"u" * 9_000 + b"@")),
    "another scheme": _start(lambda start: start.replace(b"sip:", b"tel:")),
    "headers in the URI": _start(lambda start: start.replace(b" SIP", b"?To=%0d%0aX:%20y SIP")),
    "a STUN request": lambda start, lines, body: b"\0\1\0\0\x21\x12\xa4\x42" + b"t" * 12,
    "RTP": lambda start, lines, body: b"\x80\0\0\1" + bytes(160),
    "TLS": lambda start, lines, body: b"\x16\x03\x01\x02\0\1\0\1\xfc\x03\x03" + bytes(500),
    "nothing": lambda start, lines, body: b"",
    "one byte": lambda start, lines, body: b"R",
    "a long line": lambda start, lines, body: b"R" * 64_000,
    "many headers": lambda start, lines, body: message(start, [*lines, *(b"X-%d: y" % number for number in range(3_000))], body),
    "colons": lambda start, lines, body: message(start, [b":" * 30_000]),
    "folds": lambda start, lines, body: message(start, [lines[0], *[b" "] * 10_000, *lines[1:]], body),
}
