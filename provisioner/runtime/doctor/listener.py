"""Whether each listener can be bound, or is answered by our own server, which is then asked for a file.

A port is bound for an instant to see whether it is free.  What is taken is asked over an address of this machine that the policy
allows, so that a refusal is not our own policy speaking.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator

from provisioner.address import WILDCARDS, Listen
from provisioner.errors import EnvironmentProblem
from provisioner.runtime.doctor.finding import Finding, ok, problem, warning
from provisioner.runtime.doctor.probe import Answer, Who, ask_http, ask_tftp
from provisioner.runtime.doctor.socket_table import holders
from provisioner.runtime.doctor.subject import Subject
from provisioner.services.listener import bind

TIMEOUT_S = 20.0
ABSENT_NAME = "y000000000000.cfg"
"Asked for where the inventory names no phone: a refusal is an answer too."


def look_at(name: str, subject: Subject) -> Iterator[Finding]:
    """Yield how one listener (http, https, tftp, people) stands."""
    listens = subject.listeners.get(name, ())
    if not listens:
        yield ok("off")
    seen: set[int] = set()
    for listen in listens:
        if listen.port in seen:
            continue  # IPv4 and IPv6 of one listener
        seen.add(listen.port)
        if not listen.port:
            yield ok("takes a free port when the server starts")
            continue
        yield from _one(name, listen, subject)


def _one(name: str, listen: Listen, subject: Subject) -> Iterator[Finding]:
    shown = str(Listen("" if listen.host in WILDCARDS else listen.host, listen.port))
    refusal = _refusal(name, listen)
    if refusal is None:
        if subject.bound.is_running:
            yield problem(f"{shown} is free, but the running server says that it listens there", "restart the server")
        else:
            yield ok(f"{shown} is free; no server runs")
        return
    target = _target(listen, subject)
    if target is None:
        yield problem(refusal.message, refusal.hint)
        return
    answer = _ask(name, target, listen.port, subject)
    if answer.who is Who.NOBODY:
        who = ", ".join(map(str, holders(listen.port, subject.proc))) if name == "tftp" else ""
        yield problem(refusal.message + (f": {who}" if who else ""), refusal.hint)
    elif answer.who is Who.OTHER:
        yield problem(f"{shown} is answered by something else ({answer.detail or f'status {answer.status}'})", refusal.hint)
    elif name == "people":
        yield ok(f"{shown} answered by our own server") if answer.status == 200 else _unwell(shown, answer)
    else:
        yield _file(name, shown, target, answer, subject)


def _refusal(name: str, listen: Listen) -> EnvironmentProblem | None:
    """Return why the address cannot be bound now, with the ways out; None if it can."""
    try:
        bind(name, listen).close()
    except EnvironmentProblem as error:
        return error
    return None


def _target(listen: Listen, subject: Subject) -> str | None:
    """Return an address of this machine to ask at, one that the policy allows if there is any; None if there is none."""
    if listen.host in WILDCARDS:
        wanted = ["127.0.0.1", *sorted(str(address) for address in subject.addresses if address.version == 4)]
        if listen.host == "::":
            wanted = ["::1", *sorted(str(found) for found in subject.addresses if found.version == 6 and not found.is_link_local)]
        return next((address for address in wanted if subject.policy.allows(address)), wanted[0])
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(listen.host)
        return listen.host if address.is_loopback or address in subject.addresses else None
    return "127.0.0.1" if listen.host == "localhost" else None


def _ask(name: str, target: str, port: int, subject: Subject) -> Answer:
    wanted = subject.common_name or ABSENT_NAME
    if name == "tftp":
        answer = ask_tftp(target, port, wanted)
        # A refusal over TFTP does not say who refuses; a server of ours that runs on this port is the likely one.
        is_refusal_of_ours = answer.status == 404 and subject.bound.is_running
        return Answer(Who.OURS, 404) if is_refusal_of_ours else answer
    if name == "people":
        answer = ask_http(target, port, "/healthz")
        # Its Server header is the framework's; that it is alive under this path is enough.
        return Answer(Who.OURS, answer.status) if answer.status in (200, 503) else answer
    root = ask_http(target, port, "/", is_tls=name == "https")
    return ask_http(target, port, f"/{wanted}", is_tls=name == "https") if root.who is Who.OURS else root


def _file(name: str, shown: str, target: str, answer: Answer, subject: Subject) -> Finding:
    wanted = subject.common_name
    if answer.status == 200 and answer.is_cfg:
        return ok(f"{shown} answered by our own server: {wanted}, {answer.size_bytes} bytes")
    if wanted is None:
        return ok(f"{shown} answered by our own server; no phone in devices/ with a common file to ask for")
    if not subject.policy.allows(target):
        return warning(
            f"{shown} answers, but {target} is not in `allow`, so no file could be fetched", "add 127.0.0.0/8 to try from here"
        )
    return _unwell(f"{shown}: {wanted}", answer)


def _unwell(shown: str, answer: Answer) -> Finding:
    if answer.status == 503:
        return problem(f"{shown}: the server runs and is not ready", "provisioner check: nothing could be published yet")
    return warning(f"{shown} gives status {answer.status}", "provisioner events --limit 5, or the server has other devices")
