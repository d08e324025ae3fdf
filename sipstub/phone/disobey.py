"""Phones that do one thing wrong: each mutant changes one behaviour, and rules have to catch it without knowing its name.

`shows_with` are settings under which the difference can be seen, `shows_when` what has to happen.  All are listed in
docs/reference/virtual-phone.md.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from sipstub.errors import SipstubError
from sipstub.phone.agent.account import Account, CodecSlot, KeepAliveKind
from sipstub.phone.agent.conduct import Conduct
from sipstub.phone.disobey_timer import TIMER_MUTANTS
from sipstub.phone.mutant import Mutant

OTHER_PORT = 6
"What is added to a port to have a wrong one."
OTHER_HOST = "127.0.0.6"
OTHER_MEDIA_PORT = 20_000
OTHER_PAYLOAD = 120
OTHER_DTMF_PAYLOAD = 110


class DisobeyProblem(SipstubError):
    """A mutant that does not exist."""

    code = "no-such-mutant"


def _told(**changes: Any) -> Callable[[Account], Account]:
    return lambda account: replace(account, **changes)


def _behaves(**changes: Any) -> Callable[[Conduct], Conduct]:
    return lambda conduct: replace(conduct, **changes)


def _servers(change: Callable[[Any], Any]) -> Callable[[Account], Account]:
    return lambda account: replace(account, servers=tuple(change(server) for server in account.servers))


def _codecs(change: Callable[[CodecSlot], CodecSlot]) -> Callable[[Account], Account]:
    return lambda account: replace(account, codecs=tuple(change(slot) for slot in account.codecs))


def _backwards(account: Account) -> Account:
    places = {slot.slot: number for number, slot in enumerate(reversed(account.offered), 1)}
    return replace(account, codecs=tuple(replace(slot, priority=places.get(slot.slot, slot.priority)) for slot in account.codecs))


def _one_less(account: Account) -> Account:
    worst = account.offered[-1].slot if len(account.offered) > 1 else 0
    return replace(
        account, codecs=tuple(replace(slot, is_enabled=slot.is_enabled and slot.slot != worst) for slot in account.codecs)
    )


def _one_more(account: Account) -> Account:
    known = {slot.payload for slot in account.offered}
    spare = next((slot.slot for slot in account.codecs if not slot.is_enabled and slot.payload not in known), 0)
    return replace(
        account, codecs=tuple(replace(slot, is_enabled=slot.is_enabled or slot.slot == spare) for slot in account.codecs)
    )


_OTHER_TRANSPORT = {"UDP": "TCP", "TCP": "UDP", "TLS": "TCP"}
_CODECS = {
    f"account.1.codec.{slot}.{name}": value
    for slot, codec in enumerate(("G722", "PCMA", "iLBC"), 1)
    for name, value in (("enable", "1"), ("payload_type", codec), ("priority", str(slot)))
}
_CODECS |= {"account.1.codec.1.rtpmap": "9", "account.1.codec.2.rtpmap": "8", "account.1.codec.3.rtpmap": "106"}
_CODECS |= {f"account.1.codec.{slot}.enable": "0" for slot in range(4, 12)}
_RETRY = {"account.1.reg_fail_retry_interval": "30"}
_PORT = {"sip.listen_port": "5060"}
_SHORT = {"account.1.sip_server.1.expires": "60"}
_SECOND = {
    "account.1.fallback.redundancy_type": "1",
    "account.1.sip_server.1.retry_counts": "2",
    "account.1.sip_server.2.address": "127.0.0.3",
}
_PROXY = {"account.1.outbound_proxy_enable": "1", "account.1.outbound_proxy.1.address": "127.0.0.4"}
_STUN = {"account.1.nat.nat_traversal": "1", "account.1.nat.stun_server": "127.0.0.5"}
_TLS = {"account.1.sip_server.1.transport_type": "2", "account.1.sip_server.1.port": "5061", "sip.tls_listen_port": "5061"}
_KEY = {"linekey.1.type": "16", "linekey.1.value": "110", "linekey.1.line": "1"}
_TIMER = {
    "account.1.session_timer.enable": "1",
    "account.1.session_timer.expires": "600",
    "account.1.session_timer.refresher": "0",
}
_MWI = {"account.1.subscribe_mwi": "1", "account.1.subscribe_mwi_expires": "600"}
_VOICEMAIL = {**_MWI, "account.1.subscribe_mwi_to_vm": "1", "voice_mail.number.1": "*97"}

_SERVER = "account.X.sip_server.Y."
_ALL = (
    Mutant("registers-disabled-account", "registers accounts that are switched off", "account.X.enable", "boot",
           {"account.1.enable": "0"}, _told(is_enabled=True)),
    Mutant("never-registers", "does not register at all", "account.X.enable", "boot", {}, _told(is_enabled=False)),
    Mutant("wrong-user", "calls itself by another user name", "account.X.user_name", "register", {},
           lambda account: replace(account, user=account.user + "0")),
    Mutant("wrong-contact-user", "gives another user in Contact", "account.X.user_name", "register", {},
           conduct=_behaves(contact_user="anonymous")),
    Mutant("ignores-auth-name", "answers challenges with its user name", "account.X.auth_name", "register",
           {"account.1.auth_name": "auth-1001"}, lambda account: replace(account, auth_name=account.user)),
    Mutant("no-auth-fallback", "answers challenges with a blank name where auth_name is blank", "account.X.auth_name", "register",
           {"account.1.auth_name": ""},
           lambda account: replace(account, auth_name="" if account.auth_name == account.user else account.auth_name)),
    Mutant("wrong-password", "computes its digests over another password", "account.X.password", "register", {},
           lambda account: replace(account, password=account.password + "x")),
    Mutant("never-answers-challenges", "does not ask again after 401", "account.X.password", "register", {},
           conduct=_behaves(answers_challenges=False)),
    Mutant("no-display-name", "leaves the display name out", "account.X.display_name", "register",
           {"account.1.display_name": "Front Desk"}, _told(display_name="")),
    Mutant("wrong-display-name", "shows another name", "account.X.display_name", "register",
           {"account.1.display_name": "Front Desk"}, _told(display_name="Somebody Else")),
    Mutant("wrong-port", "sends to another port than the server's", _SERVER + "port", "boot", {},
           _servers(lambda server: replace(server, port=server.port + OTHER_PORT))),
    Mutant("wrong-transport", "takes TCP for UDP, UDP for TCP, TCP for TLS", _SERVER + "transport_type", "register",
           {"account.1.sip_server.1.transport_type": "0"},
           _servers(lambda server: replace(server, transport=_OTHER_TRANSPORT[server.transport]))),
    Mutant("wrong-expires", "asks for twice the time", _SERVER + "expires", "register",
           {"account.1.sip_server.1.expires": "600"},
           _servers(lambda server: replace(server, expires_s=server.expires_s * 2))),
    Mutant("never-refreshes", "lets its registration run out", _SERVER + "expires", "renew", _SHORT,
           conduct=_behaves(refresh_share=None)),
    Mutant("refreshes-late", "renews when the time is up by a fifth", _SERVER + "expires", "renew", _SHORT,
           conduct=_behaves(refresh_share=1.2)),
    Mutant("ignores-423", "asks for the same time again after 423", _SERVER + "expires", "423", _SHORT,
           conduct=_behaves(obeys_423=False)),
    Mutant("wrong-retry-count", "asks a silent server once more than told", _SERVER + "retry_counts", "silence", _SECOND,
           _servers(lambda server: replace(server, tries=server.tries + 1))),
    Mutant("never-fails-over", "asks a silent server for ever", _SERVER + "retry_counts", "silence", _SECOND,
           conduct=_behaves(fails_over=False)),
    Mutant("ignores-outbound-proxy", "sends to the server past the proxy", "account.X.outbound_proxy_enable", "boot", _PROXY,
           _told(proxies=())),
    Mutant("wrong-local-port", "listens on another port", "sip.listen_port", "register", _PORT,
           lambda account: replace(account, listen_port=account.listen_port + OTHER_PORT)),
    Mutant("wrong-contact-port", "gives a port in Contact that it does not listen on", "sip.listen_port", "register", _PORT,
           conduct=_behaves(contact_port_offset=OTHER_PORT)),
    Mutant("no-retry", "gives up after a failed registration", "account.X.reg_fail_retry_interval", "503", _RETRY,
           conduct=_behaves(retries=False)),
    Mutant("retries-too-soon", "tries again after a third of the wait", "account.X.reg_fail_retry_interval", "503", _RETRY,
           lambda account: replace(account, retry_s=max(1, account.retry_s // 3))),
    Mutant("ignores-register-delay", "registers at once", "sip.reg_surge_prevention", "boot", {"sip.reg_surge_prevention": "60"},
           conduct=_behaves(is_surge_prevented=False)),
    Mutant("never-unregisters-first", "keeps old bindings at the start", "account.X.unregister_on_reboot", "boot",
           {"account.1.unregister_on_reboot": "1"}, _told(clears_first=False)),
    Mutant("unregisters-though-off", "removes old bindings at the start", "account.X.unregister_on_reboot", "boot",
           {"account.1.unregister_on_reboot": "0"}, _told(clears_first=True)),
    Mutant("no-mac-header", "sends no MAC", "account.X.register_mac", "register", {"account.1.register_mac": "1"},
           _told(has_mac_header=False)),
    Mutant("mac-header-though-off", "sends its MAC", "account.X.register_mac", "register", {"account.1.register_mac": "0"},
           _told(has_mac_header=True)),
    Mutant("no-line-header", "sends no Line", "account.X.register_line", "register", {"account.1.register_line": "1"},
           _told(line_header="")),
    Mutant("wrong-line-header", "counts lines from 1", "account.X.register_line", "register", {"account.1.register_line": "1"},
           lambda account: replace(account, line_header=str(account.number) if account.line_header else "")),
    Mutant("no-reg-subscription", "does not subscribe to its registration", "account.X.subscribe_register", "register",
           {"account.1.subscribe_register": "1"}, _told(subscribes_reg=False)),
    Mutant("no-mwi-subscription", "does not subscribe to message waiting", "account.X.subscribe_mwi", "register", _MWI,
           _told(subscribes_mwi=False)),
    Mutant("mwi-though-off", "subscribes to message waiting", "account.X.subscribe_mwi", "register",
           {"account.1.subscribe_mwi": "0"}, _told(subscribes_mwi=True)),
    Mutant("wrong-mwi-expires", "asks for twice the subscription", "account.X.subscribe_mwi_expires", "register", _MWI,
           lambda account: replace(account, mwi_expires_s=account.mwi_expires_s * 2)),
    Mutant("mwi-not-to-voicemail", "subscribes to its own mailbox", "account.X.subscribe_mwi_to_vm", "register", _VOICEMAIL,
           lambda account: replace(account, mwi_user=account.user)),
    Mutant("ignores-t1", "repeats by T1 = 1.5 s whatever the file says", "account.X.advanced.timer_t1", "silence",
           {"account.1.advanced.timer_t1": "0.5"}, _told(t1_s=1.5)),
    Mutant("ignores-t2", "lets pauses grow to twice T2", "account.X.advanced.timer_t2", "silence",
           {"account.1.advanced.timer_t2": "2"}, lambda account: replace(account, t2_s=account.t2_s * 2)),
    Mutant("no-keepalive", "sends no keep-alives", "account.X.nat.udp_update_enable", "idle",
           {"account.1.nat.udp_update_enable": "1"}, _told(keepalive=KeepAliveKind.OFF)),
    Mutant("keepalive-though-off", "sends keep-alives", "account.X.nat.udp_update_enable", "idle",
           {"account.1.nat.udp_update_enable": "0"}, _told(keepalive=KeepAliveKind.DATAGRAM)),
    Mutant("wrong-keepalive-kind", "sends NOTIFY whatever is asked for", "account.X.nat.udp_update_enable", "idle",
           {"account.1.nat.udp_update_enable": "2"}, _told(keepalive=KeepAliveKind.NOTIFY)),
    Mutant("wrong-keepalive-spacing", "sends keep-alives half as often", "account.X.nat.udp_update_time", "idle",
           {"account.1.nat.udp_update_time": "15"}, lambda account: replace(account, keepalive_s=account.keepalive_s * 2)),
    Mutant("no-rport", "does not ask for rport", "account.X.nat.rport", "register", {"account.1.nat.rport": "1"},
           _told(has_rport=False)),
    Mutant("rport-though-off", "asks for rport", "account.X.nat.rport", "register", {"account.1.nat.rport": "0"},
           _told(has_rport=True)),
    Mutant("no-stun", "asks no STUN server", "account.X.nat.nat_traversal", "boot", _STUN, _told(stun_server="")),
    Mutant("stun-though-off", "asks the STUN server", "account.X.nat.nat_traversal", "boot",
           {**_STUN, "account.1.nat.nat_traversal": "0"}, _told(stun_server="127.0.0.5")),
    Mutant("no-user-phone", "leaves user=phone out", "account.X.enable_user_equal_phone", "call",
           {"account.1.enable_user_equal_phone": "1"}, _told(has_user_phone=False)),
    Mutant("user-phone-though-off", "adds user=phone", "account.X.enable_user_equal_phone", "call",
           {"account.1.enable_user_equal_phone": "0"}, _told(has_user_phone=True)),
    Mutant("ignores-compact", "writes the names of headers in full", "account.X.compact_header_enable", "register",
           {"account.1.compact_header_enable": "1"}, _told(is_compact=False)),
    Mutant("compact-though-off", "writes headers as letters", "account.X.compact_header_enable", "register",
           {"account.1.compact_header_enable": "0"}, _told(is_compact=True)),
    Mutant("no-proxy-require", "leaves Proxy-Require out", "account.X.proxy_require", "register",
           {"account.1.proxy_require": "com.example.feature"}, _told(proxy_require="")),
    Mutant("no-session-timer", "offers no Session-Expires", "account.X.session_timer.enable", "call", _TIMER,
           _told(session_expires_s=0)),
    Mutant("session-timer-though-off", "offers Session-Expires", "account.X.session_timer.enable", "call",
           {"account.1.session_timer.enable": "0"}, _told(session_expires_s=1800)),
    Mutant("wrong-session-expires", "offers twice the interval", "account.X.session_timer.expires", "call", _TIMER,
           lambda account: replace(account, session_expires_s=account.session_expires_s * 2)),
    Mutant("wrong-refresher", "offers the other refresher", "account.X.session_timer.refresher", "call", _TIMER,
           lambda account: replace(account, refresher="uas" if account.refresher == "uac" else "uac")),
    Mutant("no-100rel", "does not offer 100rel", "account.X.100rel_enable", "call", {"account.1.100rel_enable": "1"},
           _told(has_100rel=False)),
    Mutant("100rel-though-off", "offers 100rel", "account.X.100rel_enable", "call", {"account.1.100rel_enable": "0"},
           _told(has_100rel=True)),
    Mutant("wrong-codec-order", "offers the worst codec first", "account.X.codec.Y.priority", "call", _CODECS, _backwards),
    Mutant("codec-missing", "leaves the last codec out", "account.X.codec.Y.enable", "call", _CODECS, _one_less),
    Mutant("codec-though-off", "offers a codec that is switched off", "account.X.codec.Y.enable", "call", _CODECS, _one_more),
    Mutant("wrong-codec-payload", "gives iLBC another payload type", "account.X.codec.Y.rtpmap", "call", _CODECS,
           _codecs(lambda slot: replace(slot, payload=OTHER_PAYLOAD) if slot.name == "iLBC" else slot)),
    Mutant("wrong-ptime", "offers another packet time", "account.X.ptime", "call", {"account.1.ptime": "20"}, _told(ptime_ms=60)),
    Mutant("ptime-though-off", "offers a packet time", "account.X.ptime", "call", {"account.1.ptime": "0"}, _told(ptime_ms=20)),
    Mutant("no-telephone-event", "does not offer digits as RTP", "account.X.dtmf.type", "call", {"account.1.dtmf.type": "1"},
           _told(dtmf_type="0")),
    Mutant("wrong-dtmf-payload", "gives digits another payload type", "account.X.dtmf.dtmf_payload", "call",
           {"account.1.dtmf.dtmf_payload": "101"}, _told(dtmf_payload=OTHER_DTMF_PAYLOAD)),
    Mutant("wrong-dtmf-info", "sends digits in an INFO of another type", "account.X.dtmf.info_type", "call",
           {"account.1.dtmf.type": "2", "account.1.dtmf.info_type": "1"}, _told(dtmf_info="2")),
    Mutant("no-srtp", "offers plain RTP", "account.X.srtp_encryption", "call", {"account.1.srtp_encryption": "2"},
           _told(srtp="0")),
    Mutant("srtp-though-off", "offers SRTP", "account.X.srtp_encryption", "call", {"account.1.srtp_encryption": "0"},
           _told(srtp="2")),
    Mutant("ignores-check-sync", "takes check-sync and does nothing", "sip.notify_reboot_enable", "check-sync",
           {"sip.notify_reboot_enable": "1"}, conduct=_behaves(resyncs=False)),
    Mutant("resyncs-though-told-not", "obeys check-sync whatever the file says", "sip.notify_reboot_enable", "check-sync",
           {"sip.notify_reboot_enable": "2"}, conduct=_behaves(check_sync_mode="0")),
    Mutant("wrong-server", "registers at another server", _SERVER + "address", "register", {},
           _servers(lambda server: replace(server, host=OTHER_HOST))),
    Mutant("registers-at-both", "registers at both servers at once", "account.X.fallback.redundancy_type", "boot", _SECOND,
           _told(is_successive=False)),
    Mutant("registers-in-turn", "asks the second server only when the first is silent", "account.X.fallback.redundancy_type",
           "boot", {**_SECOND, "account.1.fallback.redundancy_type": "0"}, _told(is_successive=True)),
    Mutant("wrong-probe-spacing", "asks the first server again after twice the time", "account.X.fallback.timeout", "silence",
           {**_SECOND, "account.1.fallback.timeout": "60"}, lambda account: replace(account, probe_s=account.probe_s * 2)),
    Mutant("label-as-name", "shows its label to the other side", "account.X.label", "register", {"account.1.label": "Desk 7"},
           _told(display_name="Desk 7")),
    Mutant("asserts-identity", "says who it is in P-Preferred-Identity", "account.X.cid_source", "register",
           {"account.1.cid_source": "1"}, conduct=_behaves(asserts_identity=True)),
    Mutant("wrong-tls-port", "names another port of its own over TLS", "sip.tls_listen_port", "register", _TLS,
           lambda account: replace(account, tls_listen_port=account.tls_listen_port + OTHER_PORT)),
    Mutant("wrong-media-port", "offers media at a port out of range", "network.port.min_rtpport", "call",
           {"network.port.min_rtpport": "12000", "network.port.max_rtpport": "12100"}, _told(rtp_port=OTHER_MEDIA_PORT)),
    Mutant("no-busy-lamp", "subscribes to nobody", "linekey.X.type", "register", _KEY, _told(watched=())),
    Mutant("wrong-busy-lamp", "subscribes to another number", "linekey.X.value", "register", _KEY, _told(watched=("111",))),
    Mutant("wrong-blf-expires", "asks for twice the time of a busy-lamp key", "account.X.blf.subscribe_period", "register",
           {**_KEY, "account.1.blf.subscribe_period": "600"},
           lambda account: replace(account, watch_expires_s=account.watch_expires_s * 2)),
    Mutant("wrong-blf-event", "subscribes to presence", "account.X.blf.subscribe_event", "register",
           {**_KEY, "account.1.blf.subscribe_event": "0"}, _told(watch_package="presence")),
    Mutant("not-anonymous", "shows who calls", "account.X.anonymous_call", "call", {"account.1.anonymous_call": "1"},
           _told(is_anonymous=False)),
    Mutant("anonymous-though-off", "hides who calls", "account.X.anonymous_call", "call", {"account.1.anonymous_call": "0"},
           _told(is_anonymous=True)),
    Mutant("no-from-change", "does not offer from-change", "account.X.cp_source", "call", {"account.1.cp_source": "2"},
           _told(shows_changes=False)),
    Mutant("silent-to-check-sync", "does not answer check-sync", "", "check-sync", {},
           conduct=_behaves(answers_check_sync=False)),
    Mutant("never-answers-options", "does not answer OPTIONS", "", "options", {}, conduct=_behaves(answers_options=False)),
    Mutant("never-acknowledges", "sends no ACK to the 200 of its call", "", "call", {}, conduct=_behaves(acknowledges=False)),
    Mutant("wrong-digest-realm", "computes its digests over a realm of its own", "", "register", {},
           conduct=_behaves(digest_realm="yealink")),
    Mutant("wrong-digest-uri", "computes its digests over a URI of its own", "", "register", {},
           conduct=_behaves(digest_uri="sip:elsewhere.invalid")),
    Mutant("repeats-nonce-count", "uses a nonce again with the same count", "", "renew", _SHORT,
           conduct=_behaves(counts_nonces=False)),
    Mutant("changes-call-id", "renews under a new Call-ID", "", "renew", _SHORT, conduct=_behaves(keeps_call_id=False)),
    Mutant("repeats-cseq", "numbers all its requests alike", "", "register", {}, conduct=_behaves(raises_cseq=False)),
    Mutant("wrong-agent", "calls itself by another name", "", "register", {},
           conduct=_behaves(user_agent="Generic SIP Phone 1.0")),
)  # fmt: skip

MUTANTS = {mutant.name: mutant for mutant in (*_ALL, *TIMER_MUTANTS)}
"By name."


def find_mutants(names: Iterable[str]) -> tuple[Mutant, ...]:
    """Return the mutants of these names; raises DisobeyProblem for one that does not exist."""
    found = []
    for name in names:
        if name not in MUTANTS:
            near = difflib.get_close_matches(name, MUTANTS, 1)
            hint = f"did you mean {near[0]!r}?" if near else "--disobey list shows them"
            raise DisobeyProblem(f"no way to disobey is called {name[:60]!r}", hint=hint)
        found.append(MUTANTS[name])
    return tuple(found)
