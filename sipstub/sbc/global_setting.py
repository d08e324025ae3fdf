"""The global settings that the B2BUA acts on, looked up once: numbers by ini name, and the texts."""

from __future__ import annotations

from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.vocabulary import the_vocabulary


class Globals:
    """Numbers by `globals["SBCMinSE"]`; a name that does not exist is a KeyError."""

    __slots__ = ("_numbers", "excluded_parameters", "transfer_prefix")

    def __init__(self, settings: SbcSettings | None = None) -> None:
        found = settings or SbcSettings()
        values = {parameter.name: found.value(parameter.name) for parameter in the_vocabulary().parameters}
        self._numbers = {name: value for name, value in values.items() if isinstance(value, int)}
        self.excluded_parameters = found.text("SBCURIComparisonExcludedParams")
        self.transfer_prefix = found.text("SBCXferPrefix")

    def __getitem__(self, name: str) -> int:
        return self._numbers[name]
