"""A hold as the side that is held can take it: SBCRemoteHoldFormat.  RFC 3264 sections 6.1 and 8.4.

The direction and, where it is wanted, the address of an offer are changed on their way to that side; its answer comes back as one
to what was really asked.  What says neither is no hold, and passes.
"""

from __future__ import annotations

from dataclasses import replace

from sipstub.sip.error import SipError
from sipstub.sip.sdp import Line, Media, Sdp

NOT_SUPPORTED = 5
"The side that is held hears nothing of it."
DIRECTIONS = {1: "sendonly", 2: "sendonly", 3: "inactive", 4: "inactive"}
WITHOUT_ADDRESS = frozenset({2, 4})
NOWHERE = "0.0.0.0"  # noqa: S104 - of a hold as RFC 2543 had it, nothing is bound
ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
_WORDS = frozenset(ANSWERS)


def is_hold(body: bytes) -> bool:
    """Return whether an offer holds the side that gets it: a line that nothing is to be sent to any more."""
    try:
        sdp = Sdp.parse(body)
    except SipError:
        return False
    return any(_is_held(sdp, media) for media in sdp.media)


def told(body: bytes, how: int, before: bytes = b"") -> bytes:
    """Return an offer as it goes to a side with that SBCRemoteHoldFormat.

    `before` is what that side was told last: where it is to hear of no 0.0.0.0, the address in there stays.
    """
    if how not in DIRECTIONS or not is_hold(body):
        return body
    asked = sdp = Sdp.parse(body)
    if how not in WITHOUT_ADDRESS and (address := _address(before)) is not None:
        sdp = replace(sdp, lines=_somewhere(sdp.lines, address))
        sdp = sdp.with_media(*(replace(media, lines=_somewhere(media.lines, address)) for media in sdp.media))
    found = [_worded(media, how) if _is_held(asked, one) else media for media, one in zip(sdp.media, asked.media, strict=True)]
    return bytes(sdp.with_media(*found))


def answered(body: bytes, offer: bytes) -> bytes:
    """Return an answer whose directions fit what the offer says, whatever it was told as."""
    try:
        sdp, asked = Sdp.parse(body), Sdp.parse(offer)
    except SipError:
        return body
    if not any(_is_held(asked, media) for media in asked.media):
        return body
    found = []
    for number, media in enumerate(sdp.media):
        wanted = asked.direction_of(asked.media[number]) if number < len(asked.media) else "sendrecv"
        direction = sdp.direction_of(media)
        fits = direction in ("inactive", ANSWERS[wanted]) or wanted == "sendrecv"
        found.append(media if fits else _directed(media, ANSWERS[wanted]))
    return body if tuple(found) == sdp.media else bytes(sdp.with_media(*found))


def accepted(description: bytes, offer: bytes) -> bytes:
    """Return the answer of the SBC's own to a hold: the description of before, turned, with the next version in o=."""
    try:
        sdp, asked = Sdp.parse(description), Sdp.parse(offer)
    except SipError:
        return description
    ways = [ANSWERS[asked.direction_of(media)] for media in asked.media]
    found = [_directed(media, way) for media, way in zip(sdp.media, ways, strict=False)]
    lines = tuple((letter, next_version(value) if letter == "o" else value) for letter, value in sdp.lines)
    return bytes(replace(sdp, lines=lines).with_media(*found, *sdp.media[len(found) :]))


def resumed(description: bytes, holder: bytes) -> bytes:
    """Return what a side that was held by one who leaves says to whoever comes in its place.

    Each line that was turned by that hold alone goes both ways again; what the side itself wanted stays.
    """
    try:
        sdp, held = Sdp.parse(description), Sdp.parse(holder)
    except SipError:
        return description
    found = [
        _directed(media, "sendrecv") if _is_held(held, by) and sdp.direction_of(media) in _turned(held, by) else media
        for media, by in zip(sdp.media, held.media, strict=False)
    ]
    found += sdp.media[len(found) :]
    return description if tuple(found) == sdp.media else bytes(sdp.with_media(*found))


def _turned(held: Sdp, by: Media) -> tuple[str, ...]:
    """Return the directions that answer a hold and say nothing of the one that is held."""
    return (ANSWERS[held.direction_of(by)], "recvonly") if held.address_of(by) == NOWHERE else (ANSWERS[held.direction_of(by)],)


def _is_held(sdp: Sdp, media: Media) -> bool:
    return bool(media.port) and (sdp.direction_of(media) in ("sendonly", "inactive") or sdp.address_of(media) == NOWHERE)


def _address(body: bytes) -> str | None:
    """Return the first address in a description that is one."""
    try:
        sdp = Sdp.parse(body)
    except SipError:
        return None
    found = (sdp.address_of(media) for media in sdp.media)
    return next((address for address in found if address not in (None, NOWHERE)), None)


def _somewhere(lines: tuple[Line, ...], address: str) -> tuple[Line, ...]:
    """Return lines with that address in the place of 0.0.0.0."""
    said = f"IN {'IP6' if ':' in address else 'IP4'} {address}"
    return tuple((letter, said if letter == "c" and value.endswith(f" {NOWHERE}") else value) for letter, value in lines)


def _worded(media: Media, how: int) -> Media:
    found = _directed(media, DIRECTIONS[how])
    if how not in WITHOUT_ADDRESS:
        return found
    rest = [(letter, value) for letter, value in found.lines if letter != "c"]
    return replace(found, lines=(("c", f"IN IP4 {NOWHERE}"), *rest))


def _directed(media: Media, way: str) -> Media:
    rest = [(letter, value) for letter, value in media.lines if not (letter == "a" and value in _WORDS)]
    return replace(media, lines=(*rest, ("a", way)))


def next_version(origin: str) -> str:
    """Return the value of an o= line one version on."""
    user, number, version, *rest = origin.split(" ")
    return " ".join((user, number, str(int(version) + 1) if version.isdigit() else version, *rest))
