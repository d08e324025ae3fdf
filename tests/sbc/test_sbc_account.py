"""Phones without a password behind the SBC, whose account answers the challenges of a Kamailio."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from kamailio_server import HOST, PASSWORD, kamailio
from sbc_guarded import settings_of
from sbc_plain_phones import answer_next, calls, final, request_of, say
from sbc_served import a_served_sbc
from sip_client import Client

from sipstub.sbc.site import site_of
from sipstub.sip.message import Request, Response


@pytest.mark.needs("kamailio")
def test_phones_without_passwords_register_and_call_by_the_account(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with kamailio(tmp_path) as server:
            account = {"ServedIPGroupName": "phones", "ServingIPGroupName": "pbx", "Username": "trunk", "Password": PASSWORD}
            settings = settings_of(
                phones={"AuthenticationMode": 0},
                pbx={"AuthenticationMode": 1},
                proxy=f"{HOST}:{server.port}",
                source="127.0.0.1",
                tables=[("Account", account)],
            )
            async with a_served_sbc(site_of(settings)) as (sbc, _, port), Client("udp", port) as one, Client("udp", port) as two:
                for user, phone in (("1003", one), ("1004", two)):
                    contact = ("Contact", f"<sip:{user}@127.0.0.1:{phone.local_port}>")
                    register = phone.a_request(user=user, headers=(contact, ("Expires", 60)))
                    assert (await phone.ask(register.to_bytes())).status == 200
                invite = one.a_request("INVITE", user="1004", headers=(("Contact", f"<sip:1003@127.0.0.1:{one.local_port}>"),))
                invite.headers.set("From", "<sip:1003@127.0.0.1>;tag=caller")
                await one.send(invite.to_bytes())
                arrived = await two.receive()
                assert isinstance(arrived, Request) and arrived.method == "INVITE" and not arrived.authorization
                trying = await one.receive()
                assert isinstance(trying, Response) and trying.status == 100
                assert len(sbc.users) == 2

    asyncio.run(scenario())


@pytest.mark.needs("kamailio")
def test_what_they_ask_in_a_call_is_proven_by_the_account_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with kamailio(tmp_path, challenged_in_dialogs="INFO|INVITE|BYE") as server:
            settings = settings_of(
                phones={"AuthenticationMode": 0},
                pbx={"AuthenticationMode": 1, "Username": "trunk", "Password": PASSWORD},
                proxy=f"{HOST}:{server.port}",
                source="127.0.0.1",
            )
            async with a_served_sbc(site_of(settings)) as (sbc, _, port), Client("udp", port) as one, Client("udp", port) as two:
                ours, _, _ = await calls(one, two)
                for method in ("INFO", "INVITE", "BYE"):
                    await say(one, ours, method)
                    if method == "BYE":  # answered at once, and told by a BYE of the SBC's own
                        assert (await final(one)).status == 200
                        await answer_next(two, method)
                        continue
                    await answer_next(two, method, "1004")
                    assert (await final(one)).status == 200
                    if method == "INVITE":
                        await say(one, ours, "ACK")
                        assert (await request_of(two)).method == "ACK"
                assert not sbc.relays

    asyncio.run(scenario())
