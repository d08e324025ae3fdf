"""Linphone's provisioning file, read: XML with sections and entries.  Pure, bounded, never raises.

    <config xmlns="http://www.linphone.org/xsds/lpconfig.xsd">
      <section name="proxy_0">
        <entry name="reg_expires" overwrite="true">600</entry>

is the assignment `proxy.0.reg_expires` = 600.  An entry without text takes the key out of the phone's own file, which puts it
back to its factory value (seen of linphone 5.1.65): it is read as a reset.  A document type is refused, so that no entity can
be defined; a file that is no such XML is ignored as a whole, as linphone does.
"""

from __future__ import annotations

import re
from xml.parsers import expat

from sipstub.phone.format.cfg import MAX_FAULTS, MAX_FILE_BYTES, MAX_LINES, RESET, CfgEntry, CfgFault, CfgFaultCode, CfgFile

NAMESPACE = "http://www.linphone.org/xsds/lpconfig.xsd"
MAX_DEPTH = 8
MAX_SHOWN = 60

_BETWEEN = "\n"
"Stands between the namespace and the name of an element; no name can have it."
_NUMBERED = re.compile(r"(.+)_([0-9]{1,6})", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
_PARTS = re.compile(r"(?P<section>[A-Za-z0-9][A-Za-z0-9_-]*)(?:\.(?P<number>[0-9]{1,6}))?\.(?P<entry>[A-Za-z0-9][A-Za-z0-9_-]*)")


class _Refused(Exception):
    """What ends the reading; the text is for people."""


def join_name(section: str, entry: str) -> str:
    """Return the name of an entry among parameters: `proxy.0.reg_expires` for `proxy_0` and `reg_expires`."""
    numbered = _NUMBERED.fullmatch(section)
    return f"{numbered[1]}.{numbered[2]}.{entry}" if numbered else f"{section}.{entry}"


def split_name(name: str) -> tuple[str, str] | None:
    """Return section and entry of a parameter, or None if it cannot be written in this format."""
    parts = _PARTS.fullmatch(name)
    if parts is None:
        return None
    section = parts["section"] + (f"_{parts['number']}" if parts["number"] else "")
    return (section, parts["entry"]) if join_name(section, parts["entry"]) == name else None


def parse_lpconfig(data: bytes) -> CfgFile:
    """Return the assignments and faults of a file, whatever the bytes are; `has_version_line` says that it is such a file."""
    if len(data) > MAX_FILE_BYTES:
        text = f"{len(data)} bytes are more than the {MAX_FILE_BYTES} that are read"
        return CfgFile((), (CfgFault(1, CfgFaultCode.FILE_TOO_LARGE, text),), has_version_line=False)
    reading = _Reading()
    try:
        reading.read(data)
    except _Refused as refused:
        return reading.ended(str(refused))
    except expat.ExpatError as error:
        return reading.ended(expat.errors.messages[error.code])
    except (LookupError, ValueError):  # an encoding that Python does not have, or of several bytes
        return reading.ended("an encoding that is not read")
    return CfgFile(tuple(reading.entries), tuple(reading.faults), has_version_line=True)


class _Reading:
    def __init__(self) -> None:
        self.entries: list[CfgEntry] = []
        self.faults: list[CfgFault] = []
        self._parser = expat.ParserCreate(namespace_separator=_BETWEEN)
        self._stack: list[str] = []
        self._section = ""
        self._entry: tuple[str, int] | None = None
        self._text: list[str] = []
        self._lines: dict[str, int] = {}

    def read(self, data: bytes) -> None:
        parser = self._parser
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.Parse(data, True)

    def ended(self, why: str) -> CfgFile:
        """Return what there is of a file that is ignored as a whole."""
        line = max(1, self._parser.CurrentLineNumber)
        fault = CfgFault(line, CfgFaultCode.NOT_XML, f"{why}, so the phone ignores the whole file")
        return CfgFile(tuple(self.entries), (*self.faults, fault), has_version_line=False)

    def _doctype(self, *_: object) -> None:
        raise _Refused("a document type")

    def _start(self, element: str, attributes: dict[str, str]) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise _Refused(f"elements more than {MAX_DEPTH} deep")
        wanted = ("config", "section", "entry")
        depth = len(self._stack)
        kind = element.rpartition(_BETWEEN)[2] if element.startswith(NAMESPACE + _BETWEEN) or _BETWEEN not in element else ""
        if depth == 0 and kind != "config":
            raise _Refused("the first element is not config")
        is_known = depth < len(wanted) and kind == wanted[depth] and "" not in self._stack
        self._stack.append(kind if is_known else "")
        if not is_known or depth == 0:
            return
        name = attributes.get("name", "")
        if depth == 1:
            self._section = name
            return
        line = self._parser.CurrentLineNumber
        if not _NAME.fullmatch(name) or not _NAME.fullmatch(self._section):
            if len(self.faults) < MAX_FAULTS:
                self.faults.append(
                    CfgFault(line, CfgFaultCode.BLANK_NAME, "an entry or its section has no good name; it is left out")
                )
            return
        if len(self.entries) >= MAX_LINES:
            raise _Refused(f"more than {MAX_LINES} entries")
        self._entry, self._text = (join_name(self._section, name), line), []

    def _end(self, _element: str) -> None:
        self._stack.pop()
        if self._entry is None or len(self._stack) > 2:
            return
        name, line = self._entry
        self._entry = None
        first = self._lines.get(name)
        if first is not None and len(self.faults) < MAX_FAULTS:
            text = f"{name[:MAX_SHOWN]!r} stands already in line {first}; the last one wins"
            self.faults.append(CfgFault(line, CfgFaultCode.REPEATED_KEY, text))
        self._lines.setdefault(name, line)
        self.entries.append(CfgEntry(name, "".join(self._text) or RESET, line))

    def _characters(self, text: str) -> None:
        if self._entry is not None:
            self._text.append(text)
