"""The vocabulary of settings: what a phone can be told, in words that no vendor owns.

A vendor's mapping file (`templates/<vendor>/observables.toml`) says which of its parameters is which setting, and which of
its values is which word.  Rules speak of settings only.
"""

from __future__ import annotations

from dataclasses import dataclass

ON, OFF = "on", "off"
FLAG = (ON, OFF)


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a phone can be told."""

    name: str
    "As in rules and mapping files: `register-expiry`."
    summary: str
    "What it does, in a few words."
    words: tuple[str, ...] = ()
    "The values it can have; empty for text and numbers."
    unit: str = ""
    "Unit of a number."
    is_secret: bool = False
    "Whether its value must never be shown."
    may_be_blank: bool = False
    "Whether an empty value says something; of any other setting it says nothing, since releases differ on it."

    @property
    def is_flag(self) -> bool:
        """Whether it is a switch."""
        return self.words == FLAG


def _flag(name: str, summary: str) -> Setting:
    return Setting(name, summary, FLAG)


_ALL = (
    _flag("account-enabled", "the account is used"),
    Setting("user-name", "user part of the address of record"),
    Setting("auth-name", "digest user name", may_be_blank=True),
    Setting("password", "digest password", is_secret=True),
    Setting("display-name", "name shown to the other side", may_be_blank=True),
    Setting("label", "name shown on the phone", may_be_blank=True),
    Setting("server-address", "registrar", may_be_blank=True),
    Setting("server-port", "port of the registrar"),
    Setting("transport", "how SIP travels", ("udp", "tcp", "tls", "dns")),
    Setting("register-expiry", "registration period that is asked for", unit="s"),
    Setting("retry-count", "tries before the next server is asked"),
    Setting("server-order", "whether two servers are registered at together or in turn", ("together", "in-turn")),
    Setting("server-probe", "spacing of the tries to get back to the first server", unit="s"),
    Setting("retry-interval", "wait after a failed registration", unit="s"),
    Setting("register-delay", "longest random wait before the first registration", unit="s"),
    _flag("unregister-on-boot", "old bindings are removed before the first registration"),
    _flag("outbound-proxy", "all requests go to the outbound proxy first"),
    Setting("outbound-proxy-address", "the outbound proxy"),
    Setting("outbound-proxy-port", "port of the outbound proxy"),
    Setting("local-port", "the phone's own SIP port"),
    Setting("local-tls-port", "the phone's own port for SIP over TLS"),
    _flag("mac-header", "REGISTER carries the MAC"),
    _flag("line-header", "REGISTER carries the number of the line"),
    _flag("reg-event", "the phone subscribes to its own registration"),
    _flag("mwi-subscription", "the phone subscribes to message waiting"),
    Setting("mwi-expiry", "period of that subscription", unit="s"),
    _flag("mwi-to-voicemail", "that subscription goes to the voicemail number"),
    Setting("voicemail-number", "number that the message key dials"),
    _flag("session-timer", "RFC 4028"),
    Setting("session-expires", "session interval that is offered", unit="s"),
    Setting("session-refresher", "who refreshes a session", ("uac", "uas")),
    Setting("timer-t1", "RFC 3261 T1", unit="s"),
    Setting("timer-t2", "RFC 3261 T2", unit="s"),
    Setting("keepalive", "packet that keeps the way through a NAT open", ("off", "datagram", "options", "notify")),
    Setting("keepalive-interval", "spacing of these packets", unit="s"),
    _flag("rport", "RFC 3581"),
    _flag("stun", "the phone asks a STUN server for its address"),
    Setting("stun-server", "the STUN server"),
    _flag("user-phone", "`user=phone` in the URIs of calls"),
    _flag("compact-headers", "headers are written as letters"),
    _flag("codec-enabled", "a slot of the codec list is offered"),
    Setting("codec-name", "codec in that slot"),
    Setting("codec-priority", "its place in the offer"),
    Setting("codec-payload", "its payload type"),
    Setting("ptime", "packet time in the offer; 0 for none", unit="ms"),
    Setting("dtmf", "how digits travel in a call", ("inband", "rfc2833", "info", "rfc2833+info")),
    Setting("dtmf-payload", "payload type of telephone-event"),
    Setting("dtmf-info-type", "what an INFO with a digit holds", ("dtmf-relay", "dtmf", "telephone-event")),
    Setting("srtp", "media encryption", ("off", "optional", "required")),
    Setting("rtp-port-min", "lowest port of media"),
    Setting("rtp-port-max", "highest port of media"),
    _flag("reliable-provisional", "RFC 3262"),
    Setting("proxy-require", "text of Proxy-Require", may_be_blank=True),
    _flag("anonymous-call", "calls hide who calls"),
    Setting("caller-id-source", "where the shown caller comes from"),
    Setting("connected-id-source", "where the shown callee comes from"),
    Setting("check-sync", "what NOTIFY check-sync does", ("on-request", "always", "never")),
    Setting("key-kind", "what a key does", ("blf", "other")),
    Setting("key-value", "number or address behind a key"),
    Setting("key-account", "account that a key uses"),
    Setting("blf-expiry", "period of the subscriptions of busy-lamp keys", unit="s"),
    Setting("blf-event", "event package of these", ("dialog", "presence")),
)

SETTINGS = {setting.name: setting for setting in _ALL}
"By name."
