"""All rules, in the order of reports.

To add one: a function in the file of its subject, and a heading in docs/reference/rules.md.
"""

from sipstub.verify.rule import RULES
from sipstub.verify.rules import (
    account as account,
)
from sipstub.verify.rules import (
    busy_lamp as busy_lamp,
)
from sipstub.verify.rules import (
    call as call,
)
from sipstub.verify.rules import (
    conduct as conduct,
)
from sipstub.verify.rules import (
    digest as digest,
)
from sipstub.verify.rules import (
    digit as digit,
)
from sipstub.verify.rules import (
    failure as failure,
)
from sipstub.verify.rules import (
    header as header,
)
from sipstub.verify.rules import (
    identity as identity,
)
from sipstub.verify.rules import (
    keep_alive as keep_alive,
)
from sipstub.verify.rules import (
    media as media,
)
from sipstub.verify.rules import (
    port as port,
)
from sipstub.verify.rules import (
    proxy as proxy,
)
from sipstub.verify.rules import (
    registration as registration,
)
from sipstub.verify.rules import (
    resync as resync,
)
from sipstub.verify.rules import (
    second_server as second_server,
)
from sipstub.verify.rules import (
    server as server,
)
from sipstub.verify.rules import (
    session_timer_answer as session_timer_answer,
)
from sipstub.verify.rules import (
    session_timer_end as session_timer_end,
)
from sipstub.verify.rules import (
    session_timer_form as session_timer_form,
)
from sipstub.verify.rules import (
    session_timer_offer as session_timer_offer,
)
from sipstub.verify.rules import (
    session_timer_refresh as session_timer_refresh,
)
from sipstub.verify.rules import (
    subscription as subscription,
)
from sipstub.verify.rules import (
    timer as timer,
)

__all__ = ["RULES"]
