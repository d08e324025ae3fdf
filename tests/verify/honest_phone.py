"""A phone that does what its expectations say, written as messages: the counterpart that no rule may accuse."""

from __future__ import annotations

from dataclasses import replace

from verify_builders import STUB, SUBJECT, Talk, expect

from sipstub.trace.record import Endpoint, RecordedMessage
from sipstub.verify.expectation import Expectations
from sipstub.verify.facts import Facts
from sipstub.verify.setting import ON

WATCHED = 70.0
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "F8_128_HMAC_SHA1_80")


def behave(expectations: Expectations, phone: str = "10.1.0.77") -> list[RecordedMessage]:
    """Return what an honest phone with these expectations sends in its first minute, and one call of each account."""
    messages: list[RecordedMessage] = []
    for account in expectations.enabled:
        messages += _account(expectations, account, phone)
    messages.sort(key=lambda message: message.at)
    return [replace(message, number=number) for number, message in enumerate(messages, 1)]


def _account(expectations: Expectations, account: int, phone: str) -> list[RecordedMessage]:
    def text(setting: str, index: str = "") -> str:
        return expectations.text(setting, account, index)

    transport = text("transport", "1") or "udp"
    port = int(text("server-port", "1") or (5061 if transport == "tls" else 5060))
    talk = Talk(
        user=text("user-name"),
        display=text("display-name") or None,
        server=text("server-address", "1"),
        port=port,
        transport=transport,
        phone=phone,
        phone_port=int(text("local-port") or 5060),
        auth_name=text("auth-name"),
        password=text("password"),
        agent=f"Yealink {expectations.subject.agent} {expectations.subject.firmware or '80.80.0.60'}",
        rport=text("rport") == ON,
        local=Endpoint(transport, STUB, port),  # type: ignore[arg-type]
    )
    talk.register(int(text("register-expiry", "1") or 3600), call_id=f"{account}_1@{phone}")
    if text("mwi-subscription") == ON:
        talk.subscribe(
            "message-summary", int(text("mwi-expiry") or 3600), headers={"Accept": "application/simple-message-summary"}
        )
    for key in expectations.all("key-kind"):
        owner = expectations.text("key-account", None, key.index) or "1"
        if key.value == "blf" and owner == str(account):
            talk.subscribe("dialog", 1800, target=expectations.text("key-value", None, key.index))
    _call(expectations, account, talk)
    start, kind, spacing = talk.now, text("keepalive"), float(text("keepalive-interval") or 30)
    while kind not in ("", "off") and transport == "udp" and talk.now < start + WATCHED:
        talk.now = round(talk.now + spacing, 2) - 0.02
        {"datagram": talk.keepalive, "options": talk.options, "notify": talk.options}[kind]()
    return talk.messages


def _call(expectations: Expectations, account: int, talk: Talk) -> None:
    def text(setting: str, index: str = "") -> str:
        return expectations.text(setting, account, index)

    slots = [item.index for item in expectations.all("codec-enabled", account) if item.value == ON]
    slots.sort(key=lambda index: int(text("codec-priority", index) or 99))
    codecs = [(text("codec-payload", index), text("codec-name", index)) for index in slots] or [("0", "PCMU")]
    supported = ["replaces"]
    headers: dict[str, str | None] = {}
    if text("reliable-provisional") == ON:
        supported.append("100rel")
    if text("session-timer") == ON:
        supported.append("timer")
        headers["Session-Expires"] = f"{text('session-expires') or 1800};refresher={text('session-refresher') or 'uac'}"
    headers["Supported"] = ", ".join(supported)
    dtmf = text("dtmf")
    srtp = text("srtp")
    suites = (
        ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "F8_128_HMAC_SHA1_80") if srtp in ("optional", "required") else ()
    )
    talk.invite(
        codecs,
        events=(text("dtmf-payload") or "101") if dtmf in ("", "rfc2833", "rfc2833+info") else None,
        ptime=(text("ptime") or "20") if text("ptime") != "0" else None,
        suites=suites,
        protocol="RTP/SAVP" if srtp == "required" else "RTP/AVP",
        headers=headers,
    )
    if dtmf in ("info", "rfc2833+info"):
        kinds = {"dtmf-relay": "application/dtmf-relay", "dtmf": "application/dtmf", "telephone-event": "audio/telephone-event"}
        talk.info(kinds[text("dtmf-info-type") or "dtmf-relay"])


def facts_of(messages: list[RecordedMessage]) -> Facts:
    return Facts.of(messages, until=max(message.at for message in messages) + 15)


def simple() -> Expectations:
    return expect(("account-enabled", "on"), ("user-name", "101"), subject=SUBJECT)
