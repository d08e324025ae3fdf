"""The settings media and media_ports: what they make, and what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import SettingsError
from provisioner.runtime.media import media_engine
from provisioner.runtime.sip import bind_sip_side
from provisioner.settings import BY_NAME, load_settings
from sipstub.media.engine import MAX_SESSIONS
from sipstub.media.port import PortRange
from sipstub.media.sound import Sound


def test_silence_is_sent_where_nobody_says_anything(tmp_path: Path) -> None:
    engine = media_engine(load_settings(None, {}, {}, tmp_path))
    assert engine is not None
    assert (engine.sound, str(engine.ports)) == (Sound.SILENCE, "16384-17407")
    assert len(engine.ports) >= MAX_SESSIONS
    assert not engine.is_on, "nothing is bound before it starts"


@pytest.mark.parametrize("sound", Sound)
def test_each_sound_and_range_can_be_had(sound: Sound, tmp_path: Path) -> None:
    engine = media_engine(load_settings(None, {"media": str(sound), "media_ports": "20000-20099"}, {}, tmp_path))
    assert engine is not None
    assert (engine.sound, engine.ports) == (sound, PortRange(20_000, 20_099))
    assert str(sound) in BY_NAME["media"].summary


def test_off_is_no_engine_whatever_the_ports(tmp_path: Path) -> None:
    (tmp_path / "provisioner.toml").write_text('media = "off"\nmedia_ports = "nonsense"\n')
    assert media_engine(load_settings(None, {}, {}, tmp_path)) is None


def test_ports_that_cannot_be_are_refused_with_the_line_before_any_socket_is_bound(tmp_path: Path) -> None:
    (tmp_path / "provisioner.toml").write_text('sip = "127.0.0.1:0"\nmedia_ports = "20001-20002"\n')
    with pytest.raises(SettingsError, match=r"provisioner\.toml:2: no pair of ports in '20001-20002'"):
        bind_sip_side(load_settings(None, {}, {}, tmp_path))


def test_a_sound_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="PROVISIONER_MEDIA: media is loud") as caught:
        load_settings(None, {}, {"PROVISIONER_MEDIA": "loud"}, tmp_path)
    assert caught.value.hint == "silence, tone or off"
