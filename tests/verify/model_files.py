"""For each model the files that a server would give it, with something said of nearly every setting that shows on the wire."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from verify_builders import CATALOGUE, TEMPLATES

from provisioner.catalogue.model import Model
from provisioner.expectations.build import Delivered, delivered
from provisioner.inventory.folder import DeviceFolder
from provisioner.inventory.load import InventoryLoader
from provisioner.inventory.origin import Rank
from provisioner.inventory.vocabulary import load_vocabulary
from provisioner.rendering.context import Addresses
from provisioner.rendering.render import Renderer
from provisioner.rendering.template import Templates

FIRST, SECOND = "127.0.0.2", "127.0.0.3"
TRANSPORTS = ("udp", "tcp", "tls")
MAC = "001565aabbcc"
VOCABULARY = load_vocabulary(TEMPLATES)
IN_SCOPE = [model for model in CATALOGUE.models.values() if model.is_in_scope]

PHONE = """
name = "honest"
mac = "{mac}"
model = "{model}"
language = "English"
ntp_server = "127.0.0.9"
sip_port = 5060
{settings}
"""
LINE = """
[[line]]
extension = "{user}"
auth_name = "auth-{user}"
password_file = "secrets/password"
display_name = "Desk {user}"
label = "{user} at the desk"
server = "127.0.0.2"
port = {port}
transport = "{transport}"
expires = 600
retry_counts = 3
server2 = "127.0.0.3"
port2 = {port}
transport2 = "{transport}"
expires2 = 600
session_timer = true
session_expires = 1800
refresher = "uac"
keepalive = "udp"
keepalive_seconds = 30
rport = true
100rel = true
mwi = true
mwi_expires = 1800
voicemail = "*97"
dtmf = "rfc2833+info"
dtmf_payload = 101
codecs = ["G722", "PCMA", "PCMU", "G729"]
srtp = "compulsory"
ptime = "20"
"""
KEY = """
[[key]]
type = "blf"
value = "110"
line = 1
"""
SETTINGS = {
    "sip.listen_port": "5060",
    "sip.tls_listen_port": "5061",
    "sip.reg_surge_prevention": "10",
    "sip.notify_reboot_enable": "1",
    "account.1.fallback.redundancy_type": "1",
    "account.1.reg_fail_retry_interval": "30",
    "account.1.unregister_on_reboot": "1",
    "account.1.outbound_proxy_enable": "0",
    "account.1.register_mac": "1",
    "account.1.register_line": "1",
    "account.1.subscribe_register": "1",
    "account.1.subscribe_mwi_to_vm": "1",
    "account.1.blf.subscribe_period": "1800",
    "account.1.blf.subscribe_event": "0",
    "account.1.fallback.timeout": "120",
    "account.1.enable_user_equal_phone": "1",
    "account.1.compact_header_enable": "1",
    "account.1.proxy_require": "com.example.feature",
    "account.1.cid_source": "1",
    "account.1.cp_source": "2",
    "account.1.anonymous_call": "0",
    "account.1.nat.nat_traversal": "0",
    "account.1.advanced.timer_t1": "0.5",
    "account.1.advanced.timer_t2": "4",
    "account.1.dtmf.info_type": "1",
    "network.port.min_rtpport": "11780",
    "network.port.max_rtpport": "11800",
}


@functools.cache
def files_of(name: str, transport: str) -> tuple[Delivered, ...]:
    """Return both files of that model, its lines over that transport."""
    model: Model = CATALOGUE.models[name]
    settings = "".join(f'settings."{key}" = "{value}"\n' for key, value in SETTINGS.items())
    port = 5061 if transport == "tls" else 5060
    users = ("1001", "1002")[: min(2, model.accounts)]
    text = PHONE.format(mac=MAC, model=name, settings=settings)
    text += "".join(LINE.format(user=user, port=port, transport=transport) for user in users)
    if model.line_keys > len(users):
        text += KEY
    with tempfile.TemporaryDirectory() as folder:
        devices = Path(folder)
        for sub, body in (("phones/phone.toml", text), ("secrets/password", "secret-of-both")):
            (devices / sub).parent.mkdir()
            (devices / sub).write_text(body, "utf-8")
        inventory = InventoryLoader(CATALOGUE).load(DeviceFolder(devices, VOCABULARY).read())
    assert not [problem for problem in inventory.problems if problem.is_blocking], inventory.problems
    (phone,) = inventory.phones.values()
    renderer = Renderer(Templates(TEMPLATES), CATALOGUE, VOCABULARY, Addresses(FIRST, 5060, 5061))
    defaults = next(iter(inventory.layers[Rank.DEFAULTS].values()), None)
    common = renderer.common(CATALOGUE.models_of_common_file(phone.model.common_name), defaults)
    own = renderer.phone(phone, common)
    return delivered(phone.model.common_name, common), delivered(f"{MAC}.cfg", own)
