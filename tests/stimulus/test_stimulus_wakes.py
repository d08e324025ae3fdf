"""The next time of thousands of calls, against a plain dict that is searched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sipstub.stimulus.wakes import FEW, Wakes

TIMES = st.one_of(st.none(), st.integers(0, 20))
ORDERS = st.one_of(st.tuples(st.sampled_from("abcdef"), TIMES), st.integers(0, 20))


@given(st.lists(ORDERS, max_size=200))
def test_what_was_said_last_holds(orders: list[tuple[str, int | None] | int]) -> None:
    wakes, plain = Wakes(), dict[str, int]()
    for order in orders:
        if isinstance(order, int):
            due = wakes.take_due(order)
            assert sorted(due) == sorted(name for name, when in plain.items() if when <= order)
            assert [plain[name] for name in due] == sorted(plain[name] for name in due)
            plain = {name: when for name, when in plain.items() if when > order}
        else:
            name, when = order
            wakes.set(name, when)
            plain.pop(name, None)
            if when is not None:
                plain[name] = when
        assert wakes.first == min(plain.values(), default=None)
        assert len(wakes) == len(plain)


def test_a_call_that_changes_its_mind_all_the_time_leaves_nothing_behind() -> None:
    wakes = Wakes()
    for number in range(10_000):
        wakes.set("a", float(number))
    assert len(wakes._heap) <= FEW + 3
    assert wakes.take_due(9_998.0) == []
    assert wakes.take_due(9_999.0) == ["a"]
