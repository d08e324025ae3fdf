"""The settings file of an SBC, as a person writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Row = Mapping[str, int | str]


def sbc_text(
    values: Row | None = None,
    groups: Mapping[str, Mapping[str, object]] | None = None,
    routes: Iterable[Row] = (),
    rules: Iterable[Row] = (),
) -> str:
    """Return TOML: global settings; groups by name with `proxies`, `profile`, `set` and other columns; routes; classification."""
    tables: list[tuple[str, Row]] = []
    for name, what in (groups or {}).items():
        given = dict(what)
        profile: Row = given.pop("profile", {})  # type: ignore[assignment]
        proxy_set: Row = given.pop("set", {})  # type: ignore[assignment]
        proxies: Iterable[str] = given.pop("proxies", ())  # type: ignore[assignment]
        transport: str = given.pop("transport", "")  # type: ignore[assignment]
        tables.append(("IpProfile", {"ProfileName": name, **profile}))
        if proxies:
            tables.append(("ProxySet", {"ProxyName": name, **proxy_set}))
            how = {"TransportType": transport} if transport else {}
            tables += [("ProxyIp", {"ProxySetId": name, "IpAddress": address, **how}) for address in proxies]
            given["ProxySetName"] = name
        tables.append(("IPGroup", {"Name": name, "ProfileName": name, **given}))  # type: ignore[dict-item]
    tables += [("IP2IPRouting", route) for route in routes]
    tables += [("Classification", rule) for rule in rules]
    lines = ["[settings]", *_lines(values or {})]
    for table, row in tables:
        lines += ["", f"[[{table}]]", *_lines(row)]
    return "\n".join(lines) + "\n"


def _lines(row: Row) -> list[str]:
    return [f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}" for name, value in row.items()]
