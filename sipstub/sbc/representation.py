"""Which of the other side's own headers a side sees, by its IP Profile: Contact, Record-Route, Via, User-Agent.

Remote Representation Mode: Contact is ours (0), or that of the other side with us in Record-Route, for REGISTER in Path (1), or
that of the other side alone (2).  Keep Incoming Routing Headers and Keep Incoming Via Headers: what came stands below ours.
Our own legs go by what their own side said alone, so that what was shown to one side never leads a request of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipstub.sbc.carrying import AGENT, AGENT_NAME
from sipstub.sip.headers import Headers
from sipstub.sip.message import Request, Response
from sipstub.transaction.sending import Hop

if TYPE_CHECKING:
    from sipstub.core.places import Places
    from sipstub.sbc.ip_profile import IpProfile
    from sipstub.sip.message import Message

REPLACE_CONTACT, ADD_ROUTING, TRANSPARENT = range(3)
OUR_AGENT = (Headers.line("User-Agent", AGENT_NAME),)
OUR_SERVER = (Headers.line("Server", AGENT_NAME),)
RECORD_ROUTE, VIA, PATH = "Record-Route", "Via", "Path"


def contact_for(profile: IpProfile, came: Message, own: str) -> str:
    """Return Contact of a message that is passed on to a side with that profile."""
    lines = came.headers.lines("contact") if profile.representation != REPLACE_CONTACT else ()
    return lines[0] if lines and came.contacts.addresses else own


def put_agent(made: Message, came: Message | None, profile: IpProfile) -> None:
    """Say who wrote a message: we, or whoever wrote the one that is passed on, where the side is to see that."""
    if came is None or not profile.keeps_user_agent:
        made.headers.take_over(OUR_SERVER if isinstance(made, Response) else OUR_AGENT)
    else:
        made.headers.take_over(field for field in came.headers if field.key in AGENT)


def put_vias(made: Request, came: Request, profile: IpProfile) -> None:
    """Have a request that is passed on show the way that it came; ours comes on top when it is sent."""
    if profile.keeps_vias:
        for line in came.headers.lines("via"):
            made.headers.add(VIA, line)


def put_routes(made: Request, came: Request, profile: IpProfile, places: Places, hop: Hop) -> None:
    """Have a request that makes a dialog record the way by us, and the one that it came."""
    if profile.representation == ADD_ROUTING:
        made.headers.add(RECORD_ROUTE, own_route(places, hop))
    if profile.keeps_routes:
        for line in came.headers.lines("record-route"):
            made.headers.add(RECORD_ROUTE, line)


def answer_routes(found: Response, came: Response, profile: IpProfile, places: Places, hop: Hop) -> None:
    """Have an answer that makes a dialog record the same, above what its request recorded; `came` without what is ours."""
    if not 100 < found.status < 300:
        return
    lines = list(came.headers.lines("record-route")) if profile.keeps_routes else []
    if profile.representation == ADD_ROUTING:
        lines.append(own_route(places, hop))
    for line in reversed(lines):
        found.headers.add_first(RECORD_ROUTE, line)


def without_ours(response: Response, asked: Request) -> None:
    """Take out of an answer what our request recorded: the lowest entries, as others put theirs on top."""
    own = len(asked.record_routes) if asked.headers.lines("record-route") else 0
    if not own:
        return
    left = response.record_routes[:-own]
    response.headers.remove(RECORD_ROUTE)
    for one in left:
        response.headers.add(RECORD_ROUTE, one)


def put_path(made: Request, profile: IpProfile, places: Places, hop: Hop) -> None:
    """Have a REGISTER that shows the phone's own Contact say that requests to it come by us (RFC 3327)."""
    if profile.representation == ADD_ROUTING:
        made.headers.add(PATH, own_route(places, hop))
        made.headers.add("Supported", "path")


def own_route(places: Places, hop: Hop) -> str:
    """Return what leads requests by us to a hop."""
    return f"<{places.contact(hop)};lr>"
