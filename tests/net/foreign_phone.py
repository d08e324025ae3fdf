"""How to have foreign phones register: their configuration files and command lines, nothing of it from their makers' examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ports import free_port
from sip_running import PASSWORD, REALM

EXPIRES_S = 60
BARESIP_MODULES = "/usr/lib/baresip/modules"


@dataclass(frozen=True)
class ForeignPhone:
    """A command, and what ends it."""

    command: tuple[str, ...]
    goodbye: bytes = b""
    has_registered: bytes = b""
    "What it prints then; told to end before, it forgets to unregister."


def baresip(home: Path, transport: str, port: int, ca: Path, password: str = PASSWORD) -> ForeignPhone:
    trust = f"sip_cafile {ca}\n" if transport == "tls" else ""
    (home / "config").write_text(
        f"sip_listen 127.0.0.1:0\n{trust}net_interface 127.0.0.1\nmodule_path {BARESIP_MODULES}\n"
        "module_app account.so\nmodule_app menu.so\nmodule g711.so\n"
    )
    (home / "accounts").write_text(
        f"<sip:100@127.0.0.1:{port};transport={transport}>;auth_pass={password};regint={EXPIRES_S};mwi=no\n"
    )
    return ForeignPhone(("baresip", "-f", str(home)))


def linphone(home: Path, transport: str, port: int, ca: Path, password: str = PASSWORD) -> ForeignPhone:
    host = "localhost" if transport == "tls" else "127.0.0.1"
    (home / ".local" / "share" / "linphone").mkdir(parents=True)
    (home / ".config" / "linphone").mkdir(parents=True)
    (home / "rc").write_text(
        f"[sip]\nsip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\nuse_ipv6=0\ndefault_proxy=0\nroot_ca={ca}\n"
        "verify_server_certs=1\nverify_server_cn=1\n\n"
        f"[proxy_0]\nreg_proxy=<sip:{host}:{port};transport={transport}>\nreg_identity=sip:100@{host}\n"
        f"reg_expires={EXPIRES_S}\nreg_sendregister=1\n\n"
        f"[auth_info_0]\nusername=100\npasswd={password}\nrealm={REALM}\n"
    )
    return ForeignPhone(("linphone-daemon", "--config", str(home / "rc")), b"quit\n")


def twinkle(home: Path, transport: str, port: int, ca: Path, password: str = PASSWORD) -> ForeignPhone:
    folder = home / ".twinkle"
    folder.mkdir()
    (folder / "phone.cfg").write_text(
        f"user_name=100\nuser_domain=127.0.0.1:{port}\nauth_name=100\nauth_pass={password}\nregistrar=127.0.0.1:{port}\n"
        f"registration_time={EXPIRES_S}\nregister_at_startup=yes\nsip_transport={transport}\n"
    )
    own_port = free_port()  # it cannot choose one itself: it would say port 0 in its Contact
    (folder / "twinkle.sys").write_text(
        f"dev_ringtone=alsa:null\ndev_speaker=alsa:null\ndev_mic=alsa:null\nsip_port={own_port}\nsip_udp_port={own_port}\n"
    )
    return ForeignPhone(("twinkle-console", "phone.cfg"), b"quit\n", b"registration succeeded")


PHONES: dict[str, Callable[..., ForeignPhone]] = {
    "baresip": baresip,
    "linphone-daemon": linphone,
    "twinkle-console": twinkle,
}
