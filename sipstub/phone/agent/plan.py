"""What a phone is going to do: its accounts and manners, after its file and after what it was told to disobey."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sipstub.phone.agent.account import Account, read_accounts
from sipstub.phone.agent.conduct import HONEST, Conduct
from sipstub.phone.agent.place import is_address
from sipstub.phone.agent.setting import Reader
from sipstub.phone.disobey import find_mutants
from sipstub.phone.format.effective import Effective
from sipstub.phone.identity import PhoneIdentity


@dataclass(frozen=True, slots=True)
class Plan:
    """Accounts, manners, and what holds for the whole phone."""

    accounts: tuple[Account, ...]
    conduct: Conduct
    check_sync_mode: str
    surge_s: int
    "Longest random wait before the first registration."

    @property
    def active(self) -> tuple[Account, ...]:
        """Return the accounts that register."""
        return tuple(account for account in self.accounts if account.can_register)

    @property
    def longest_wait_s(self) -> int:
        """Return the longest wait before the first registration."""
        return self.surge_s if self.conduct.is_surge_prevented else 0

    @property
    def ports(self) -> dict[str, set[int]]:
        """Return the ports to listen on, by transport."""
        found: dict[str, set[int]] = {"UDP": set(), "TCP": set()}
        for account in self.active:
            kinds = {server.transport for server in account.servers} | ({"UDP"} if account.stun_server else set())
            for kind in kinds & found.keys():
                found[kind].add(account.listen_port)
        return found

    @property
    def hosts(self) -> set[str]:
        """Return all hosts that requests may go to."""
        return {
            host.lower()
            for account in self.active
            for host in (
                *(server.host for server in account.servers),
                *(proxy.host for proxy in account.proxies),
                account.stun_server,
            )
            if host
        }

    @property
    def names(self) -> set[str]:
        """Return those that have to be resolved."""
        return {host for host in self.hosts if not is_address(host)}


def make_plan(identity: PhoneIdentity, settings: Effective, disobey: Iterable[str] = ()) -> Plan:
    """Return the plan; raises DisobeyProblem for a name that is no mutant's."""
    read = Reader(settings)
    accounts = read_accounts(settings, codec_slots=identity.model.codec_slots)
    conduct = HONEST
    for mutant in find_mutants(disobey):
        accounts = tuple(mutant.account(account) for account in accounts)
        conduct = mutant.conduct(conduct)
    return Plan(accounts, conduct, read.text("sip.notify_reboot_enable"), read.number("sip.reg_surge_prevention"))
