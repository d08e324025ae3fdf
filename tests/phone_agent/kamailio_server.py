"""A Kamailio of one test as the far registrar and proxy: users in memory, one password, free ports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from ports import free_port

HOST = f"127.66.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"
"An address that nobody else uses, so that a port that is free stays free."
PASSWORD = "kamailio-secret"
MODULE_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu/kamailio/modules",
    "/usr/lib/aarch64-linux-gnu/kamailio/modules",
    "/usr/lib/kamailio/modules",
)

CONFIG = """#!KAMAILIO
debug=0
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
mpath="{modules}/"
listen=udp:{host}:{port}
listen=tcp:{host}:{port}
{tls_listen}
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
{tls_module}
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", {min_expires})
modparam("registrar", "max_expires", {max_expires})
modparam("registrar", "append_branches", {forks})
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 1)

request_route {{
    if (has_totag()) {{
{in_dialogs}
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
        sl_send_reply("404", "Not here");
        exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
    if (is_method("REGISTER|INVITE")) {{
        if (!pv_www_authenticate("{host}", "{password}", "0")) {{ www_challenge("{host}", "1"); exit; }}
    }}
    if (is_method("REGISTER")) {{ save("location"); exit; }}
    if (is_method("INVITE")) {{
        record_route();
        if (!lookup("location")) {{ sl_send_reply("404", "Not found"); exit; }}
        t_relay();
        exit;
    }}
    sl_send_reply("489", "Bad Event");
}}
"""


CHALLENGE_IN_DIALOGS = """
        if (is_method("{methods}") && $si == "127.0.0.1" && !pv_proxy_authenticate("{host}", "{password}", "0")) {{
            proxy_challenge("{host}", "1");
            exit;
        }}
        consume_credentials();
"""
"Of methods with bars between them, where the SBC asks."


@dataclass
class Kamailio:
    """A server that runs."""

    port: int
    tls_port: int


@contextlib.asynccontextmanager
async def kamailio(
    folder: Path,
    *,
    min_expires: int = 0,
    max_expires: int = 0,
    certificate: Path | None = None,
    port: int = 0,
    challenged_in_dialogs: str = "",
    forks: bool = False,
) -> AsyncIterator[Kamailio]:
    """Run it, on a free port unless one is given; it may need a moment before it answers."""
    program = shutil.which("kamailio") or "/usr/sbin/kamailio"
    modules = next(path for path in MODULE_FOLDERS if Path(path, "usrloc.so").exists())
    port, tls_port = port or free_port(HOST), free_port(HOST)
    tls = ("", "")
    if certificate is not None:
        listen = f"enable_tls=yes\nlisten=tls:{HOST}:{tls_port}"
        params = "".join(
            f'modparam("tls", "{name}", "{value}")\n'
            for name, value in (("certificate", certificate), ("private_key", certificate), ("tls_method", "TLSv1.2+"))
        )
        tls = (listen, f'loadmodule "tls.so"\n{params}')
    text = CONFIG.format(
        modules=modules,
        host=HOST,
        port=port,
        password=PASSWORD,
        min_expires=min_expires,
        max_expires=max_expires,
        forks=int(forks),
        tls_listen=tls[0],
        tls_module=tls[1],
        in_dialogs=CHALLENGE_IN_DIALOGS.format(methods=challenged_in_dialogs, host=HOST, password=PASSWORD)
        if challenged_in_dialogs
        else "",
    )
    config = folder / "kamailio.cfg"
    config.write_text(text, encoding="utf-8")
    log = folder / "kamailio.log"
    with log.open("wb") as stream:
        options = ["-f", str(config), "-DD", "-E", "-m", "32", "-M", "4", "-Y", str(folder), "-w", str(folder)]
        process = await asyncio.create_subprocess_exec(program, *options, stdout=stream, stderr=stream)
    try:
        yield Kamailio(port, tls_port)
    except BaseException:
        print(log.read_text(errors="replace")[-4000:])
        raise
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


async def answers(port: int) -> None:
    """Wait until it listens there."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(ConnectionError):
                _, writer = await asyncio.open_connection(HOST, port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.05)
