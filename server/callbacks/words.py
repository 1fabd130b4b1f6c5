"""*Pure.* The closed sets of callbacks as people read them: states, sources, outcomes, reasons, steps and results in,
words out. One place, so that the desk, the managers' pages and the API's documentation say the same."""

from __future__ import annotations

from collections.abc import Mapping

from callback.kinds import AttemptKind, Limit, NotNow, Outcome, Reason, Result, Source, State

STATES: Mapping[str, str] = {
    State.WAITING: "Waiting",
    State.HELD: "Held",
    State.DIALLING: "In progress",
    State.INBOX: "Needs a person",
    State.CLOSED: "Closed",
}
STATE_LOOKS: Mapping[str, str] = {
    State.WAITING: "info",
    State.HELD: "warn",
    State.DIALLING: "live",
    State.INBOX: "bad",
    State.CLOSED: "",
}
SOURCES: Mapping[str, str] = {
    Source.WEB: "Website",
    Source.FORM: "Website form",
    Source.API: "API",
    Source.MISSED: "Missed call",
    Source.QUEUE: "Key in the queue",
    Source.AGENT: "Agent’s promise",
    Source.LIST: "List",
}
SOURCE_ICONS: Mapping[str, str] = {
    Source.WEB: "globe",
    Source.FORM: "globe",
    Source.API: "plug",
    Source.MISSED: "phone-missed",
    Source.QUEUE: "hash",
    Source.AGENT: "headset",
    Source.LIST: "list",
}
OUTCOMES: Mapping[str, str] = {
    Outcome.REACHED: "Reached",
    Outcome.CONTACT: "Contact another way",
    Outcome.WITHDRAWN: "Withdrawn",
    Outcome.EXPIRED: "Expired",
    Outcome.EXHAUSTED: "Not reached",
    Outcome.REFUSED: "Refused",
    Outcome.SUPPRESSED: "Do not call",
    Outcome.DONE_BY_HAND: "Closed by hand",
}
OUTCOME_LOOKS: Mapping[str, str] = {
    Outcome.REACHED: "good",
    Outcome.CONTACT: "good",
    Outcome.DONE_BY_HAND: "good",
    Outcome.EXPIRED: "bad",
    Outcome.EXHAUSTED: "bad",
}
NOT_NOW: Mapping[str, str] = {
    NotNow.CLOSED: "The department is closed.",
    NotNow.QUIET_HOURS: "Quiet time where the customer is.",
    NotNow.SUPPRESSED: "The number asked not to be called.",
    NotNow.TALKING: "The customer is in a call with us.",
    NotNow.NO_AGENT: "No agent is free.",
    NotNow.CALLERS_FIRST: "Callers who wait in the queue come first.",
    NotNow.BUDGET: "As many calls as may go on at once, or begin within a minute, already do.",
    NotNow.MINUTES: "The minutes of 24 hours are used up.",
    NotNow.MONEY: "The money of 24 hours is used up.",
    NotNow.TRUNK: "Call after call failed: dialling pauses.",
    NotNow.PBX_AWAY: "The PBX cannot be dialled through.",
    NotNow.EXPIRED: "Its time is over.",
    NotNow.TOO_EARLY: "Its time has not come yet.",
}
HELD: Mapping[str, str] = {
    Reason.TRAPPED: "a field that people do not see was filled in",
    Reason.TOO_FAST: "the form was sent faster than a person types",
    Reason.NO_PAGE: "the request did not come from the page",
    Reason.NO_SCRIPT: "the form was sent without JavaScript",
    Reason.NO_PROOF: "the proof of work is missing",
    Reason.PROOF_USED: "the proof of work was used before",
    Reason.SUPPRESSED: "the number asked not to be called",
    Reason.PENALISED: "an earlier request from there was refused by its customer",
    Reason.COUNTRY: "this country is not called back",
    Reason.DRY_RUN: "the site only tries its form out",
    Limit.NUMBER: "the number was asked for often today",
    Limit.PREFIX: "many similar numbers this hour",
    Limit.ADDRESS: "many requests from one address",
    Limit.NETWORK: "many requests from one network",
    Limit.VISITOR: "one visitor gave several numbers",
    Limit.SITE: "many requests this minute",
}
RESULTS: Mapping[str, str] = {
    Result.REACHED: "Reached",
    Result.NOT_BRIDGED: "Answered, but nobody of ours was there",
    Result.BUSY: "Busy",
    Result.NO_ANSWER: "No answer",
    Result.FAILED: "The network or the number failed",
    Result.AGENT_NO_ANSWER: "The agent did not answer",
    Result.AGENT_DECLINED: "The agent said not now",
    Result.NOT_PLACED: "Not placed",
    Result.UNKNOWN: "Not known: we may already have called",
}
RESULT_LOOKS: Mapping[str, str] = {
    Result.REACHED: "answered",
    Result.NOT_BRIDGED: "abandoned",
    Result.BUSY: "busy",
    Result.NO_ANSWER: "missed",
    Result.UNKNOWN: "warn",
}
KINDS: Mapping[str, str] = {
    AttemptKind.AGENT_FIRST: "Agent first",
    AttemptKind.CUSTOMER_FIRST: "Customer first",
    AttemptKind.QUEUE: "Place in the queue",
    AttemptKind.CLICK: "Click to call",
}
STEPS: Mapping[str, str] = {
    "requested": "Asked to be called back",
    "joined": "Asked again: it joined this callback",
    "held": "Held for a manager’s word",
    "released": "Released",
    "withdrawn": "A request was withdrawn",
    "moved": "The customer chose another time",
    "word": "The customer added a word",
    "taken": "Taken",
    "postponed": "Postponed",
    "inbox": "Put into the inbox: a person has to act",
    "attempt": "An attempt began",
    "machine": "A machine answered, says the agent",
}


def step(kind: str) -> str:
    """A line of a callback's story. Words that a newer version wrote are shown as they are."""
    if kind.startswith("closed_"):
        return f"Closed: {OUTCOMES.get(kind.removeprefix('closed_'), kind).lower()}"
    if kind.startswith("attempt_"):
        return f"The attempt ended: {RESULTS.get(kind.removeprefix('attempt_'), kind).lower()}"
    return STEPS.get(kind) or kind.replace("_", " ").capitalize()


def held_because(reasons: str) -> str:
    """The guard's space-separated codes as one sentence."""
    words = [HELD.get(code, code.replace("_", " ")) for code in reasons.split() if code != "passed"]
    text = "; ".join(words)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
