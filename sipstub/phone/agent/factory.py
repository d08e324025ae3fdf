"""What a phone does that was told nothing: factory values of the settings that show on the wire.

They are those of the catalogue; a test compares both.
"""

from __future__ import annotations

FACTORY = {
    "account.X.enable": "0",
    "account.X.sip_server.Y.port": "5060",
    "account.X.sip_server.Y.transport_type": "0",
    "account.X.sip_server.Y.expires": "3600",
    "account.X.sip_server.Y.retry_counts": "3",
    "account.X.sip_server.Y.failback_mode": "0",
    "account.X.sip_server.Y.failback_timeout": "3600",
    "account.X.sip_server.Y.register_on_enable": "0",
    "account.X.fallback.redundancy_type": "0",
    "account.X.fallback.timeout": "120",
    "account.X.outbound_proxy_enable": "0",
    "account.X.outbound_proxy.Y.port": "5060",
    "account.X.outbound_proxy_fallback_interval": "3600",
    "account.X.reg_fail_retry_interval": "30",
    "account.X.unregister_on_reboot": "0",
    "account.X.register_mac": "0",
    "account.X.register_line": "0",
    "account.X.subscribe_register": "0",
    "account.X.subscribe_mwi": "0",
    "account.X.subscribe_mwi_expires": "3600",
    "account.X.subscribe_mwi_to_vm": "0",
    "account.X.session_timer.enable": "0",
    "account.X.session_timer.expires": "1800",
    "account.X.session_timer.refresher": "0",
    "account.X.advanced.timer_t1": "0.5",
    "account.X.advanced.timer_t2": "4",
    "account.X.advanced.timer_t4": "5",
    "account.X.nat.udp_update_enable": "1",
    "account.X.nat.udp_update_time": "30",
    "account.X.nat.rport": "0",
    "account.X.nat.nat_traversal": "0",
    "account.X.100rel_enable": "0",
    "account.X.compact_header_enable": "0",
    "account.X.enable_user_equal_phone": "0",
    "account.X.anonymous_call": "0",
    "account.X.cp_source": "0",
    "account.X.blf.subscribe_event": "0",
    "account.X.blf.subscribe_period": "1800",
    "account.X.srtp_encryption": "0",
    "account.X.ptime": "20",
    "account.X.dtmf.type": "1",
    "account.X.dtmf.dtmf_payload": "101",
    "account.X.dtmf.info_type": "1",
    "account.X.auto_answer": "0",
    "features.auto_answer_delay": "1",
    "network.port.min_rtpport": "11780",
    "sip.listen_port": "5060",
    "sip.tls_listen_port": "5061",
    "sip.nat_stun.port": "3478",
    "sip.notify_reboot_enable": "1",
    "sip.reg_surge_prevention": "0",
    "sip.use_23_as_pound": "1",
}
"By parameter; what is blank from the factory is not here."

CODEC_PAYLOADS = {
    "PCMU": "0",
    "PCMA": "8",
    "G723_53": "4",
    "G723_63": "4",
    "G729": "18",
    "G722": "9",
    "iLBC": "106",
    "G726-16": "103",
    "G726-24": "104",
    "G726-32": "102",
    "G726-40": "105",
}
"Payload type of each codec by its name in the file."

FACTORY_ORDER = ("G722", "PCMU", "PCMA", "G729")
"What is switched on in the factory, best first."

_WITHOUT_G723 = ("PCMU", "PCMA", "G729", "G722", "iLBC", "G726-16", "G726-24", "G726-32", "G726-40")
_WITH_G723 = ("PCMU", "PCMA", "G723_53", "G723_63", *_WITHOUT_G723[2:])
WITH_G723_SLOTS = 11


def factory_slots(codec_slots: int) -> tuple[str, ...]:
    """Return the codecs of slots 1, 2, ... of a model with so many slots; the last slots are empty."""
    return (_WITH_G723 if codec_slots >= WITH_G723_SLOTS else _WITHOUT_G723)[: codec_slots or None]
