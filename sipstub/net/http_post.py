"""One POST of a JSON text to a server of the SBC, bounded in what it reads; the caller sets the time.

Redirects are not followed, connections not kept.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import io
import urllib.parse

from sipstub.net.tls import client_context
from sipstub.sbc.outside import HttpAsk, HttpReply

MAX_ANSWER_BYTES = 65_536
"Head and body; a longer answer is none."
PORTS = {"http": 80, "https": 443}


async def post(ask: HttpAsk) -> HttpReply:
    """Return the answer; raises OSError or ValueError where there is none that can be read."""
    url = urllib.parse.urlsplit(ask.url)
    if url.scheme not in PORTS or not url.hostname:
        raise ValueError("not an HTTP URL")
    port = url.port or PORTS[url.scheme]
    tls = client_context() if url.scheme == "https" else None
    reader, writer = await asyncio.open_connection(url.hostname, port, ssl=tls, limit=MAX_ANSWER_BYTES)
    try:
        writer.write(_request(ask, url))
        await writer.drain()
        data = b""
        while chunk := await reader.read(MAX_ANSWER_BYTES):
            data += chunk
            if len(data) > MAX_ANSWER_BYTES:
                raise ValueError("the answer is too long")
    finally:
        writer.close()
    return _reply(data)


def _request(ask: HttpAsk, url: urllib.parse.SplitResult) -> bytes:
    target = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
    lines = [f"POST {target} HTTP/1.1", f"Host: {url.netloc.rpartition('@')[2]}", "Content-Type: application/json"]
    lines += ["Accept: application/json", "User-Agent: sipstub-sbc", f"Content-Length: {len(ask.body)}", "Connection: close"]
    if ask.username:
        pair = f"{ask.username}:{ask.password.reveal()}".encode()
        lines.append(f"Authorization: Basic {base64.b64encode(pair).decode()}")
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in the URL")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace") + ask.body


class _Read:
    """What `http.client` takes for a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def _reply(data: bytes) -> HttpReply:
    found = http.client.HTTPResponse(_Read(data), method="POST")  # type: ignore[arg-type]
    try:
        found.begin()
        return HttpReply(found.status, found.read())
    except http.client.HTTPException as error:
        raise ValueError("not an answer of HTTP") from error
    finally:
        found.close()
