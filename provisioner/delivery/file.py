"""A file that is ready to be sent: bytes that were rendered, linted and published before anyone asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from provisioner.rendering.kind import FileKind as FileKind


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One name of the current generation."""

    name: str
    "Canonical lower-case name: `001565aabbcc.cfg`, `y000000000028.cfg`, `files/T46.rom`."

    kind: FileKind
    "MAC file, common file, or a file of devices/files."

    sha256: str
    "Hex digest of the body; also the ETag.  Static files have size and time instead: `s-<size>-<mtime_ns>`."

    size_bytes: int
    "Length of the body."

    body: bytes | memoryview = b""
    "The bytes of a cfg file (a view of the published pack); empty for static files."

    path: Path | None = None
    "Where a static file lies; None for cfg files."

    mac: str | None = None
    "Whose file it is, 12 hex digits; None for common and static files."

    generation: int = 0
    "The generation that last changed it."

    @property
    def content_type(self) -> str:
        """Plain text for cfg files (what every public generator sends), XML for XML, octets for static files."""
        if self.name.endswith(".xml") and self.kind is not FileKind.STATIC:
            return "application/xml; charset=utf-8"
        return "application/octet-stream" if self.kind is FileKind.STATIC else "text/plain; charset=utf-8"
