"""Who may ask: networks wider than those of this machine are the owner's choice, and are said aloud."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.delivery.policy import Network, parse_networks
from provisioner.runtime.doctor.finding import Finding, ok, problem, warning
from provisioner.runtime.doctor.subject import Subject


def look(subject: Subject) -> Iterator[Finding]:
    """Yield one warning per network that reaches beyond this machine's own, one problem per text that is none."""
    texts = subject.settings["allow"]
    if not texts:
        yield ok("loopback and the networks of this machine: " + _list(subject.networks))
        return
    place = subject.settings.origin("allow")
    allowed: list[Network] = []
    is_wide = False
    for text in texts:
        try:
            (network,) = parse_networks([text])
        except ValueError as error:
            yield problem(f"{place}: {error}", "correct it; until then phones in it get nothing")
            continue
        allowed.append(network)
        if any(_inside(network, own) for own in subject.networks):
            continue
        is_wide = True
        if not network.prefixlen:
            yield warning(f"{place}: {network} lets every address in the world ask", "name the networks of the phones")
        elif any(_inside(own, network) for own in subject.networks):
            yield warning(f"{place}: {network} is wider than this machine's own network", "name the networks of the phones alone")
        else:
            yield warning(
                f"{place}: {network} is not a network of this machine", "right for phones behind a router; else remove it"
            )
    if allowed and not is_wide:
        yield ok("inside this machine's own networks: " + _list(allowed))


def _inside(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # versions are equal


def _list(networks: tuple[Network, ...] | list[Network]) -> str:
    return ", ".join(map(str, networks))
