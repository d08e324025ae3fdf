"""Boots many phones in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from sipstub.phone.report import BootReport
from sipstub.phone.virtual import Phone

AT_ONCE = 200
"Phones in a pass at the same moment; each has one socket open."


async def boot_fleet(
    phones: Iterable[tuple[Phone, str]], *, at_once: int = AT_ONCE, on_report: Callable[[BootReport], None] | None = None
) -> list[BootReport]:
    """Boot each phone from its URL and return the reports in the order given; `on_report` gets each as it comes.

    UrlProblem, before anything is fetched for that phone, if no phone could use a URL; the others are cancelled then.
    """
    gate = asyncio.Semaphore(at_once)

    async def boot(phone: Phone, url: str) -> BootReport:
        async with gate:
            report = await phone.boot(url)
        if on_report is not None:
            on_report(report)
        return report

    tasks = [asyncio.ensure_future(boot(phone, url)) for phone, url in phones]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
