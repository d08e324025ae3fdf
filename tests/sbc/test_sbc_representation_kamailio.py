"""A Kamailio that sees phones as they are: their Contact, the SBC in Path and Record-Route, and the way that requests came."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from kamailio_server import HOST, PASSWORD, kamailio
from sbc_guarded import settings_of
from sbc_plain_phones import answer_next, calls, final, say
from sbc_served import a_served_sbc
from sip_client import Client

from sipstub.dialog.dialog import dialog_of_server
from sipstub.sbc.site import site_of


@pytest.mark.needs("kamailio")
def test_calls_go_by_the_sbc_because_path_and_record_route_say_so(tmp_path: Path) -> None:
    seen = {"SBCRemoteRepresentationMode": 1, "SBCKeepVIAHeaders": 1, "SBCKeepRoutingHeaders": 1}

    async def scenario() -> None:
        async with kamailio(tmp_path) as server:
            settings = settings_of(
                phones={"AuthenticationMode": 0},
                pbx={"AuthenticationMode": 1, "Username": "trunk", "Password": PASSWORD, "ProfileName": "seen"},
                proxy=f"{HOST}:{server.port}",
                source="127.0.0.1",
                tables=[("IpProfile", {"ProfileName": "seen", **seen})],
            )
            async with a_served_sbc(site_of(settings)) as (sbc, _, port), Client("udp", port) as one, Client("udp", port) as two:
                ours, arrived, ok = await calls(one, two)
                assert len(arrived.vias) == 1 and arrived.via.port == port, "it came by the SBC, which hides it all from a phone"
                assert not arrived.record_routes and not ok.record_routes
                theirs = dialog_of_server(arrived, "callee", is_accepted=True)
                for phone, dialog, other in ((one, ours, two), (two, theirs, one)):
                    await say(phone, dialog, "INFO")
                    info = await answer_next(other, "INFO")
                    assert info.via.port == port
                    assert (await final(phone)).status == 200
                await say(two, theirs, "BYE")
                assert (await final(two)).status == 200
                assert (await answer_next(one, "BYE")).via.port == port
                assert not sbc.relays

    asyncio.run(scenario())
