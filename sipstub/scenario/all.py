"""Every scenario by its name, in the order in which they are played."""

from __future__ import annotations

from sipstub.scenario import failing, offering, refreshing
from sipstub.scenario.scenario import Scenario

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario for scenario in (*offering.SCENARIOS, *refreshing.SCENARIOS, *failing.SCENARIOS)
}
