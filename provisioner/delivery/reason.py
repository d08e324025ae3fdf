"""Every way to say no, and what a person can do about each."""

from __future__ import annotations

import enum


class Reason(enum.StrEnum):
    """A closed list; each value has a heading in docs/reference/reasons.md, in the order of the checks."""

    OUTSIDE_NETWORK = "outside-network"
    TRANSPORT_OFF = "transport-off"
    NOT_READY = "not-ready"
    WRITE_REFUSED = "write-refused"
    AGENT_DISAGREES = "agent-disagrees"
    BAD_NAME = "bad-name"
    BOOT_FILE = "boot-file"
    LOCAL_FILE = "local-file"
    UNKNOWN_FILE = "unknown-file"
    WRONG_COMMON = "wrong-common"
    OUT_OF_SCOPE = "out-of-scope"
    UNKNOWN_MAC = "unknown-mac"
    WRONG_MODEL = "wrong-model"
    UNKNOWN_COMMON = "unknown-common"
    NO_GOOD_FILE = "no-good-file"


HINTS: dict[Reason, str] = {
    Reason.OUTSIDE_NETWORK: "add the phone's network to `allow`, or serve with --allow NETWORK",
    Reason.TRANSPORT_OFF: "turn the transport on in provisioner.toml, or give the phone a URL with another scheme",
    Reason.NOT_READY: "wait for the first generation; `provisioner check` shows what holds it up",
    Reason.WRITE_REFUSED: "set auto_provision.custom.sync to 0; the server takes no uploads",
    Reason.AGENT_DISAGREES: "path and User-Agent name different phones; look for a proxy or a copied URL",
    Reason.BAD_NAME: "a phone asks for y0000000000NN.cfg or <mac>.cfg at the top of its URL; look who sends this",
    Reason.BOOT_FILE: "nothing to do: newer firmware asks for .boot files first and goes on with the cfg files",
    Reason.LOCAL_FILE: "nothing to do: the phone keeps its own changes; auto_provision.custom.sync = 0 stops the question",
    Reason.UNKNOWN_FILE: "put the file under devices/files/, or correct the URL in the phone's settings",
    Reason.WRONG_COMMON: "the agent names a model with another common file; check which phone sends this",
    Reason.OUT_OF_SCOPE: "the model is recognised, but no template is made for it; see `provisioner models`",
    Reason.UNKNOWN_MAC: "adopt it with `provisioner adopt MAC`, or check the label",
    Reason.WRONG_MODEL: "correct `model` in the phone's file, or check which phone has this MAC",
    Reason.UNKNOWN_COMMON: "no phone of this inventory uses that common file; check the phone's model in devices/",
    Reason.NO_GOOD_FILE: "the phone's files have a problem and it never had a good one; run `provisioner check`",
}
