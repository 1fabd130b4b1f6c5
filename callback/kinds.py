"""Pure. The closed sets of the callback room: where a promise stands, where it came from, why it is not kept this very
minute, and how it ended. Tables store these words, screens translate them, nothing else invents one."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a callback stands. HELD waits for a manager's word, INBOX for a person to act, DIALLING has an attempt."""

    WAITING = "waiting"
    HELD = "held"
    DIALLING = "dialling"
    INBOX = "inbox"
    CLOSED = "closed"


class Source(StrEnum):
    """How the customer, or we, came to the promise."""

    WEB = "web"
    FORM = "form"
    API = "api"
    MISSED = "missed"
    QUEUE = "queue"
    AGENT = "agent"
    LIST = "list"


PROVEN = frozenset({Source.MISSED, Source.QUEUE})
"""Sources that prove possession of the number: the network delivered it with a call. A typed number proves nothing."""


class Outcome(StrEnum):
    """How a callback ended."""

    REACHED = "reached"
    CONTACT = "contact"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    REFUSED = "refused"
    SUPPRESSED = "suppressed"
    DONE_BY_HAND = "done_by_hand"


class NotNow(StrEnum):
    """Why a callback that is due is not dialled at this moment (P14). Stored and shown. BUDGET: as many calls go on, or
    began within a minute, as may; MINUTES and MONEY of the last 24 hours are spent; TRUNK: call after call fails."""

    CLOSED = "closed"
    QUIET_HOURS = "quiet_hours"
    SUPPRESSED = "suppressed"
    TALKING = "talking"
    NO_AGENT = "no_agent"
    CALLERS_FIRST = "callers_first"
    BUDGET = "budget"
    MINUTES = "minutes"
    MONEY = "money"
    TRUNK = "trunk"
    PBX_AWAY = "pbx_away"
    EXPIRED = "expired"
    TOO_EARLY = "too_early"


class AttemptKind(StrEnum):
    """Whose phone rings first. QUEUE: a place held in the PBX's own queue; CLICK: a person's own click-to-call."""

    AGENT_FIRST = "agent_first"
    CUSTOMER_FIRST = "customer_first"
    QUEUE = "queue"
    CLICK = "click"


class AttemptState(StrEnum):
    """MADE is committed and not sent yet; UNCERTAIN may or may not have been executed by the PBX."""

    MADE = "made"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    ENDED = "ended"


class Result(StrEnum):
    """What became of one attempt. NOT_BRIDGED: the customer answered and nobody of ours was there, so the call is still
    owed. Those of `NO_RUNG` never dialled the customer and use no rung of the ladder (P17)."""

    REACHED = "reached"
    NOT_BRIDGED = "not_bridged"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    AGENT_NO_ANSWER = "agent_no_answer"
    AGENT_DECLINED = "agent_declined"
    NOT_PLACED = "not_placed"
    UNKNOWN = "unknown"


NO_RUNG = frozenset({Result.AGENT_NO_ANSWER, Result.AGENT_DECLINED, Result.NOT_PLACED})


class Marker(StrEnum):
    """How far the PBX's dialplan says an attempt came (AstDB): the agent's phone, the customer's, the key 9; REFUSED
    is a number that its allow-list does not know."""

    AGENT = "agent"
    CUSTOMER = "customer"
    DECLINED = "declined"
    REFUSED = "refused"


class Limit(StrEnum):
    """What is counted; the word stands in front of the counter's key and in the reasons of a held ask."""

    NUMBER = "limit_number"
    PREFIX = "limit_prefix"
    ADDRESS = "limit_address"
    NETWORK = "limit_network"
    VISITOR = "limit_visitor"
    SITE = "limit_site"


class Reason(StrEnum):
    """Why an ask is held; the limits are reasons too. PASSED is the code of one that is not."""

    PASSED = "passed"
    TRAPPED = "trapped"
    TOO_FAST = "too_fast"
    NO_PAGE = "no_page"
    NO_SCRIPT = "no_script"
    NO_PROOF = "no_proof"
    PROOF_USED = "proof_used"
    SUPPRESSED = "suppressed"
    PENALISED = "penalised"
    COUNTRY = "country"
    DRY_RUN = "dry_run"
