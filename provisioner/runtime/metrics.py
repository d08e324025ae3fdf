"""/metrics: numbers with bounded labels, read from the state database so that all processes count together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from provisioner.delivery.snapshot import SnapshotSource
from provisioner.runtime.fleet_state import fleet_states
from provisioner.state.reading import Reading

LoadReport = Callable[[], Mapping[str, Any]]


def metrics_text(source: SnapshotSource, reading: Reading, load_report: LoadReport, *, now: float) -> str:
    """Return the Prometheus text: requests by outcome, phones by model and state, the last load, the build."""
    lines: list[str] = []

    def family(name: str, kind: str, text: str, samples: list[tuple[dict[str, str], float]]) -> None:
        lines.append(f"# HELP {name} {text}")
        lines.append(f"# TYPE {name} {kind}")
        for labels, value in samples:
            shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
            lines.append(f"{name}{{{shown}}} {value:g}" if shown else f"{name} {value:.15g}")

    requests = [
        ({"protocol": protocol, "kind": kind, "outcome": outcome}, float(count))
        for (protocol, kind, outcome), count in reading.tallies().items()
    ]
    family("provisioner_requests_total", "counter", "Decisions by protocol, kind of file and outcome.", requests)
    states: dict[tuple[str, str], int] = {}
    for phone in fleet_states(source, reading, now=now):
        key = (phone.model, str(phone.state))
        states[key] = states.get(key, 0) + 1
    devices = [({"model": model, "state": state}, float(count)) for (model, state), count in sorted(states.items())]
    family("provisioner_devices", "gauge", "Phones by model and state.", devices)
    report = load_report()
    errors = sum(problem.get("severity") == "error" for problem in report.get("problems", ()))
    family("provisioner_config_last_reload_successful", "gauge", "1 if the newest load had no errors.", [({}, float(not errors))])
    published_at = float(report.get("published_at", 0.0))
    family(
        "provisioner_config_last_reload_timestamp_seconds",
        "gauge",
        "When the present generation was published.",
        [({}, published_at)],
    )
    family("provisioner_generation", "counter", "Number of the present generation.", [({}, float(report.get("generation", 0)))])
    family("provisioner_build_info", "gauge", "The version.", [({"version": version("provisioner")}, 1.0)])
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
