"""The models as data: reads `templates/yealink/models.toml`, which the caller names."""

from __future__ import annotations

import tomllib
from pathlib import Path

from sipstub.errors import IdentityProblem
from sipstub.phone.identity import PhoneModel


def load_models(path: Path) -> dict[str, PhoneModel]:
    """Return canonical name to model; IdentityProblem where the file cannot be read as such."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: _model(name, table) for name, table in tables.items() if isinstance(table, dict)}
    except OSError as error:
        raise IdentityProblem(f"{path}: {error.strerror}", hint="name the models file with --models FILE") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise IdentityProblem(f"{path} is not TOML: {error}", hint="name the models file with --models FILE") from None
    except KeyError as error:
        raise IdentityProblem(f"{path}: a model has no {error}", hint="see docs/howto/add-a-model.md") from None


def _model(name: str, table: dict[str, object]) -> PhoneModel:
    return PhoneModel(
        name=name,
        user_agent_name=str(table["user_agent_name"]),
        common_name=str(table["common_name"]),
        example_firmware=str(table["example_firmware"]),
        http_agent_sample=str(table.get("http_agent_sample", "")),
        sip_agent_sample=str(table.get("sip_agent_sample", "")),
        codec_slots=slots if isinstance(slots := table.get("codec_slots", 0), int) else 0,
    )
