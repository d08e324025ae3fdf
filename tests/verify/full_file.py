"""A file that says something of every setting that a rule is about, and the situations that make all of them show."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from verify_builders import TEMPLATES
from wire_lab import GRANTED_S, MIN_EXPIRES_S, Lab

from provisioner.expectations.build import Delivered
from sipstub.phone.identity import PhoneModel
from sipstub.phone.models import load_models
from sipstub.sip.message import Request
from sipstub.transaction.sending import Hop

MODELS = load_models(TEMPLATES / "models.toml")
MAC = "001565aabbcc"
FIRST, SECOND = "127.0.0.2", "127.0.0.3"

FULL = {
    "account.1.enable": "1",
    "account.1.user_name": "1001",
    "account.1.auth_name": "auth-1001",
    "account.1.password": "secret-1001",
    "account.1.display_name": "Front Desk",
    "account.1.label": "1001 at the desk",
    "account.1.sip_server.1.address": FIRST,
    "account.1.sip_server.1.port": "5060",
    "account.1.sip_server.1.transport_type": "0",
    "account.1.sip_server.1.expires": "3600",
    "account.1.sip_server.1.retry_counts": "3",
    "account.1.sip_server.2.address": SECOND,
    "account.1.sip_server.2.port": "5060",
    "account.1.sip_server.2.transport_type": "0",
    "account.1.sip_server.2.expires": "3600",
    "account.1.fallback.redundancy_type": "1",
    "account.1.sip_server.2.retry_counts": "3",
    "account.1.fallback.timeout": "120",
    "account.1.reg_fail_retry_interval": "30",
    "account.1.unregister_on_reboot": "0",
    "account.1.outbound_proxy_enable": "0",
    "sip.listen_port": "5060",
    "sip.tls_listen_port": "5061",
    "sip.reg_surge_prevention": "0",
    "sip.notify_reboot_enable": "1",
    "sip.nat_stun.server": "127.0.0.5",
    "account.1.register_mac": "0",
    "account.1.register_line": "0",
    "account.1.nat.rport": "1",
    "account.1.nat.nat_traversal": "0",
    "account.1.nat.udp_update_enable": "1",
    "account.1.nat.udp_update_time": "30",
    "account.1.compact_header_enable": "0",
    "account.1.proxy_require": "",
    "account.1.cid_source": "1",
    "account.1.cp_source": "0",
    "account.1.anonymous_call": "0",
    "account.1.advanced.timer_t1": "0.5",
    "account.1.advanced.timer_t2": "4",
    "account.1.subscribe_register": "0",
    "account.1.subscribe_mwi": "1",
    "account.1.subscribe_mwi_expires": "3600",
    "account.1.subscribe_mwi_to_vm": "0",
    "voice_mail.number.1": "*97",
    "account.1.session_timer.enable": "1",
    "account.1.session_timer.expires": "1800",
    "account.1.session_timer.refresher": "0",
    "account.1.100rel_enable": "0",
    "account.1.enable_user_equal_phone": "0",
    "account.1.ptime": "20",
    "account.1.dtmf.type": "3",
    "account.1.dtmf.dtmf_payload": "101",
    "account.1.dtmf.info_type": "1",
    "account.1.srtp_encryption": "0",
    "network.port.min_rtpport": "11780",
    "network.port.max_rtpport": "11800",
}
for _slot, (_codec, _payload) in enumerate((("G722", "9"), ("PCMA", "8"), ("iLBC", "106")), 1):
    FULL |= {
        f"account.1.codec.{_slot}.enable": "1",
        f"account.1.codec.{_slot}.payload_type": _codec,
        f"account.1.codec.{_slot}.priority": str(_slot),
        f"account.1.codec.{_slot}.rtpmap": _payload,
    }
FULL |= {f"account.1.codec.{_slot}.enable": "0" for _slot in range(4, 12)}


def a_file(*changes: Mapping[str, str]) -> Delivered:
    """Return the full file with these changes."""
    merged = dict(FULL)
    for change in changes:
        merged |= change
    lines = [f"{name} = {value}\n" for name, value in merged.items()]
    return Delivered(f"{MAC}.cfg", ("#!version:1.0.0.1\n" + "".join(lines)).encode())


def a_lab(*changes: Mapping[str, str], model: PhoneModel = MODELS["T46G"], disobey: tuple[str, ...] = ()) -> Lab:
    """Return a phone with the full file and these changes, switched off."""
    return Lab([a_file(*changes)], model, MAC, disobey)


# -- situations


def everything(lab: Lab) -> Lab:
    """Let the phone live through all that a rule may want to see; about twenty minutes of its life."""
    lab.boot().run(80)
    lab.ask("OPTIONS").run(5)
    for account in lab.expectations.enabled:
        lab.call_out(account)
    refused(lab)
    silence(lab)
    too_brief(lab)
    lab.ask("NOTIFY", 1, Event="check-sync;reboot=true").run(300)
    return lab.boot().run(2 * GRANTED_S)


def refused(lab: Lab) -> None:
    """Answer the next REGISTER 503, and what comes after as usual."""
    seen: set[str] = set()

    def gate(request: Request, hop: Hop) -> int | None:
        if request.method != "REGISTER" or request.from_.uri in seen:
            return None
        seen.add(request.from_.uri)
        return 503

    during(lab, gate, GRANTED_S / 2 + 75)


def silence(lab: Lab) -> None:
    """Have the first server of everybody say nothing, until the phones have found the second, and be back."""
    first = {lab.expectations.text("server-address", account, "1") for account in lab.expectations.enabled}
    during(lab, lambda request, hop: 0 if hop.host in first else None, 300)
    lab.run(150)


def too_brief(lab: Lab) -> None:
    """Have the registrar want longer times."""

    def gate(request: Request, hop: Hop) -> int | None:
        return 423 if request.method == "REGISTER" and 0 < (request.expires or 0) < MIN_EXPIRES_S else None

    during(lab, gate, GRANTED_S / 2 + 10)


def during(lab: Lab, gate: Callable[[Request, Hop], int | None], seconds: float) -> None:
    """Let time pass with another far side."""
    before, lab.gate = lab.gate, gate
    lab.run(seconds)
    lab.gate = before
