"""docs/reference/stimuli.md says what the program does: every stimulus, and the bounds by number."""

from __future__ import annotations

import re
from pathlib import Path

from sipstub.stimulus.calls import MAX_CALLS
from sipstub.stimulus.director import MAX_AT_ONCE, WITHIN_S
from sipstub.stimulus.gate import MAX_AORS, MAX_SILENCE_S
from sipstub.stimulus.placed_call import HOLD_S, RING_S
from sipstub.stimulus.plan import GRANT_S
from sipstub.stimulus.run import LONGEST_CALL_S
from sipstub.stimulus.step import ORDER
from sipstub.verify.stimulus import Stimulus

PAGE = (Path(__file__).parent.parent.parent / "docs" / "reference" / "stimuli.md").read_text("utf-8")


def test_every_stimulus_has_a_row_in_the_order_of_a_plan() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|.*?\| (yes|no) \|", PAGE, re.MULTILINE)
    assert [name for name, _ in rows] == [str(one) for one in ORDER]
    assert set(ORDER) == set(Stimulus)
    assert {name: word == "yes" for name, word in rows} == {str(one): one.is_disturbing for one in ORDER}


def test_the_numbers_are_those_of_the_program() -> None:
    text = " ".join(PAGE.split())
    for sentence in (
        f"the time granted is cut to {GRANT_S} s",
        f"BYE after {HOLD_S:g} s; CANCEL after {RING_S:g} s",
        f"At most {MAX_AT_ONCE} phones are disturbed",
        f"Refusals wait {WITHIN_S / 60:g} minutes at most",
        f"a silence is never longer than {MAX_SILENCE_S / 60:g} minutes",
        f"{MAX_AORS} addresses have one at a time",
        f"and {MAX_CALLS} calls are open",
    ):
        assert sentence in text, sentence
    assert LONGEST_CALL_S == 300 and "A step waits five minutes" in text
