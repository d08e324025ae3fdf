"""What the reference says of the registrar is what it does."""

from __future__ import annotations

import re
from pathlib import Path

from sipstub.registrar.binding import MAX_BINDING_CHARACTERS, Change
from sipstub.registrar.failures import HOST_FAILURES, USER_FAILURES, WINDOW_S
from sipstub.registrar.policy import Limits, Policy
from sipstub.registrar.reason import STATUSES, Why
from sipstub.subscriptions.notifier import MAX_OF_WATCHER, MAX_SUBSCRIPTIONS

TEXT = (Path(__file__).parent.parent.parent / "docs" / "reference" / "registrar.md").read_text("utf-8")


def test_every_reason_has_its_line_with_its_status() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", TEXT, re.MULTILINE))
    assert rows == {str(why): str(STATUSES[why]) for why in Why}


def test_every_change_has_its_word() -> None:
    assert [change for change in Change if f"`{change}`" not in TEXT] == []


def test_the_numbers_are_those_of_the_code() -> None:
    limits, policy = Limits(), Policy("realm")
    claims = [
        f"body over {limits.body_bytes:,} bytes",
        f"over {limits.message_bytes:,} bytes",
        f"an {limits.contacts + 1}th live contact",
        f"more than {limits.request_contacts} contacts",
        f"over {MAX_BINDING_CHARACTERS:,} characters",
        f"{limits.paths + 1} values of Path",
        f"the {limits.aors + 1:,}st address",
        f"`Retry-After: {limits.retry_after_s}`",
        f"`Min-Expires: {policy.min_expires_s}`",
        f"{policy.default_expires_s} s; cut to {policy.max_expires_s} s",
        f"lives {policy.nonce_lifetime_s:.0f} s",
        f"After {USER_FAILURES} wrong answers",
        f"within {WINDOW_S:.0f} s, or {HOST_FAILURES} from",
        f"most {MAX_SUBSCRIPTIONS:,}, and {MAX_OF_WATCHER} of",
    ]
    text = " ".join(TEXT.split())
    assert [claim for claim in claims if claim not in text] == []
