"""The text for each kind of DHCP server.  Same arguments, same bytes; nothing here is asked of the network.

All blocks do the same: a phone that is known by its vendor class or its vendor prefix gets the URL in option 66
(RFC 2132 section 9.4).  RouterOS can match the vendor class alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from provisioner.runtime.dhcp.match import VENDOR_CLASS_PARAMETER, PhoneMatch

NAME = "yealink"
"Of the class, tag, option or policy that the block makes."


def dhcp_block(server: str, url: str, match: PhoneMatch) -> str:
    """Return the block for one of SERVERS, ending in a newline; `url` was checked by `check_url`."""
    mark, lead, block = _SERVERS[server]
    head = [
        *lead,
        f'Phones are known by option 60 ("{match.vendor_class}", unless {VENDOR_CLASS_PARAMETER} says otherwise)'
        + ("." if server == "mikrotik" else " or by vendor prefix."),
        "Yealink phones take the first URL they find: a custom option (128 to 254), then 66, then 43 (T5 manual p. 27).",
        "The older Auto Provision Manual puts zero touch and PnP before these and the address stored in the phone last.",
    ]
    return "\n".join([*(f"{mark} {line}" for line in head), *block(url, match)]) + "\n"


def _dnsmasq(url: str, match: PhoneMatch) -> list[str]:
    return [
        f"dhcp-vendorclass=set:{NAME},{match.vendor_class}",
        *(f"dhcp-mac=set:{NAME},{prefix}:*:*:*" for prefix in match.prefixes),
        f'dhcp-option=tag:{NAME},66,"{url}"',
    ]


def _kea(url: str, match: PhoneMatch) -> list[str]:
    tests = [f"substring(option[60].hex,0,{len(match.vendor_class)}) == '{match.vendor_class}'"]
    tests += [f"substring(pkt4.mac,0,3) == 0x{_hex(prefix)}" for prefix in match.prefixes]
    return [
        '"client-classes": [',
        "  {",
        f'    "name": "{NAME}",',
        f'    "test": "{" or ".join(tests)}",',
        f'    "option-data": [{{ "name": "tftp-server-name", "data": "{url}" }}]',
        "  }",
        "]",
    ]


def _isc(url: str, match: PhoneMatch) -> list[str]:
    # `hardware` begins with the type of the link, so the prefix is at 1.
    return [
        f'class "{NAME}" {{',
        f'  match if substring(option vendor-class-identifier, 0, {len(match.vendor_class)}) = "{match.vendor_class}"',
        *(f"    or substring(hardware, 1, 3) = {prefix}" for prefix in match.prefixes[:-1]),
        f"    or substring(hardware, 1, 3) = {match.prefixes[-1]};",
        f'  option tftp-server-name "{url}";',
        "}",
    ]


def _mikrotik(url: str, match: PhoneMatch) -> list[str]:
    text = url.replace("$", "\\$")  # in a RouterOS string a dollar begins a variable
    return [
        "/ip dhcp-server option",
        f"add name={NAME}-66 code=66 value=\"s'{text}'\"",
        "/ip dhcp-server option sets",
        f"add name={NAME} options={NAME}-66",
        "/ip dhcp-server matcher",
        f'add name={NAME} server=dhcp1 address-pool=dhcp code=60 matching-type=substring value="{match.vendor_class}" '
        f"option-set={NAME}",
    ]


def _windows(url: str, match: PhoneMatch) -> list[str]:
    prefixes = ",".join(f"'{_hex(prefix).upper()}*'" for prefix in match.prefixes)
    return [
        f"Add-DhcpServerv4Class -Name '{NAME}' -Type Vendor -Data '{match.vendor_class}'",
        f"Add-DhcpServerv4Policy -Name '{NAME}' -Condition OR -VendorClass EQ,'{NAME}' -MacAddress EQ,{prefixes}",
        f"Set-DhcpServerv4OptionValue -PolicyName '{NAME}' -OptionId 66 -Value '{url}'",
    ]


def _hex(prefix: str) -> str:
    return prefix.replace(":", "")


_SERVERS: Mapping[str, tuple[str, tuple[str, ...], Callable[[str, PhoneMatch], list[str]]]] = {
    "dnsmasq": ("#", ("dnsmasq: save as /etc/dnsmasq.d/yealink.conf and restart dnsmasq.",), _dnsmasq),
    "kea": ("//", ('Kea: put this into "Dhcp4" of kea-dhcp4.conf; test with kea-dhcp4 -t FILE.',), _kea),
    "isc": (
        "#",
        (
            "ISC DHCP: put this at the top level of dhcpd.conf; test with dhcpd -t -cf FILE.",
            "ISC DHCP reached its end of life in 2022 and gets no more fixes; for a new setup take Kea.",
        ),
        _isc,
    ),
    "mikrotik": (
        "#",
        (
            "RouterOS 7.16 or newer: paste into a terminal; dhcp1 and its pool dhcp are default names, put your own there.",
            "Without matchers: /ip dhcp-server network set [find] dhcp-option=yealink-66 gives the option to every client.",
        ),
        _mikrotik,
    ),
    "windows": ("#", ("Windows Server 2012 or newer: run in an elevated PowerShell on the DHCP server.",), _windows),
    "opnsense": (
        "#",
        (
            "OPNsense with Dnsmasq as DHCP server: save as /usr/local/etc/dnsmasq.conf.d/yealink.conf on the firewall,",
            "then restart Dnsmasq.  With Kea or the ISC server take the blocks of `dhcp kea` and `dhcp isc` instead.",
        ),
        _dnsmasq,
    ),
}

SERVERS = tuple(_SERVERS)
"What `dhcp_block` knows."
