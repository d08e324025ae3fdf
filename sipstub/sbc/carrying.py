"""What of a message is carried over to the other leg: all but what belongs to the hop and to the dialog.

That is how topology is hidden: nothing that a leg says of its own way is ever copied, so nothing has to be taken out again.
"""

from __future__ import annotations

from sipstub.sip.headers import Field
from sipstub.sip.message import Message, Response

OF_THE_LEG = frozenset(
    {
        "via",
        "route",
        "record-route",
        "path",
        "service-route",
        "from",
        "to",
        "call-id",
        "cseq",
        "contact",
        "max-forwards",
        "content-length",
        "rack",
        "rseq",
        "replaces",
        "refer-to",
        "timestamp",
        "flow-timer",
    }
)
"Keys of headers that each leg writes itself."
AGENT = frozenset({"user-agent", "server"})
AGENT_NAME = "sipstub-sbc"
"What stands in User-Agent and Server instead of theirs."
_OF_THE_LEG_AND_AGENT = OF_THE_LEG | AGENT


def carried(message: Message) -> list[Field]:
    """Return the lines that the other leg gets too, in their order and spelling."""
    return [field for field in message.headers if field.key not in _OF_THE_LEG_AND_AGENT]


def places_of(response: Response) -> list[str]:
    """Return where a 3xx to another request than INVITE sends its reader, as it stands: only calls are led back here [choice]."""
    return response.headers.lines("contact") if 300 <= response.status < 400 else []
