"""The register of people's data: every table of every room that says something of a customer, by what it is theirs. Who
adds a table adds a line here, or to WITHOUT with the reason (a test compares both with the schema): access requests
(`access_request.py`) hand out what is here, and erasure (`erase_whole.py`) must know it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, or_, select, tuple_

from callback.tables import Attempt, Callback, CallbackStep, InboxDismissal, Submission
from core.db import Base
from core.fact_log import FactLogRow
from crm_link.blocked.tables import BlockedCall, BlockedCaller
from crm_link.blocks.tables import NumberBlock
from crm_link.connectors.tables import ConnectorBegun, ConnectorContacts, ConnectorLog, ConnectorPick
from crm_link.deals.tables import Deal, DealCall
from crm_link.fields.tables import CustomerField
from crm_link.imports.tables import CustomerImportRow
from crm_link.merging.tables import CustomerMerge, CustomerMergeMove, DuplicatePair
from crm_link.tables import CallCustomer, CallMatch, Customer, CustomerChange, CustomerTag, Identity, Note
from crm_link.tasks.tables import Task
from crm_link.webhooks.tables import WebhookDelivery
from pbx_bridge.tables import Call, CallMoment, CallPerson, CallTransfer, CallWrapUp
from recordings.tables import (
    CallAudio,
    Recording,
    RecordingComment,
    RecordingFile,
    RecordingPause,
    RecordingUse,
    Transcript,
)
from server.privacy.erase_person import Person
from server.privacy.erase_tables import DataRequest, ErasureCertificate


class Of(StrEnum):
    """By what a row is somebody's."""

    CUSTOMER = "ids"
    NUMBER = "numbers"
    CALL = "calls"
    RECORDING = "recordings"
    CALLBACK = "callbacks"
    REQUEST = "requests"
    ATTEMPT = "attempts"
    SUBJECT = "subjects"
    DELIVERY = "delivery_subjects"
    LINE = "lines"


@dataclass(frozen=True, slots=True)
class Part:
    """One table. `where` makes the condition from some of the person's ids, numbers … (`of`)."""

    name: str
    title: str
    table: type[Base]
    of: Of
    where: Callable[[Sequence[Any]], ColumnElement[bool]]

    def values(self, person: Person) -> Sequence[Any]:
        found: Sequence[Any] = getattr(person, self.of.value)
        return found


def _part(title: str, table: type[Base], of: Of, column: Any) -> Part:
    return Part(table.__tablename__, title, table, of, lambda values: column.in_(values))


def _merges(ids: Sequence[Any]) -> ColumnElement[bool]:
    """Those that stand: what an undone one holds of the other record is another person's."""
    theirs = or_(CustomerMerge.kept_id.in_(ids), CustomerMerge.merged_id.in_(ids))
    return CustomerMerge.undone_at.is_(None) & theirs


def _pairs(ids: Sequence[Any]) -> ColumnElement[bool]:
    return or_(DuplicatePair.first_id.in_(ids), DuplicatePair.second_id.in_(ids))


def _moves(ids: Sequence[Any]) -> ColumnElement[bool]:
    return CustomerMergeMove.merge_id.in_(select(CustomerMerge.id).where(_merges(ids)))


def _deal_calls(ids: Sequence[Any]) -> ColumnElement[bool]:
    return DealCall.deal_id.in_(select(Deal.id).where(Deal.customer_id.in_(ids)))


def _lines(lines: Sequence[Any]) -> ColumnElement[bool]:
    return tuple_(CustomerImportRow.import_id, CustomerImportRow.line).in_(list(lines))


PARTS: tuple[Part, ...] = (
    _part("The customer, and records that became part of it", Customer, Of.CUSTOMER, Customer.id),
    _part("Numbers, addresses and ids, with their sources", Identity, Of.CUSTOMER, Identity.customer_id),
    _part("Numbers of the firm", NumberBlock, Of.CUSTOMER, NumberBlock.customer_id),
    _part("The site's own fields", CustomerField, Of.CUSTOMER, CustomerField.customer_id),
    _part("Tags", CustomerTag, Of.CUSTOMER, CustomerTag.customer_id),
    _part("Notes", Note, Of.CUSTOMER, Note.customer_id),
    _part("Tasks", Task, Of.CUSTOMER, Task.customer_id),
    _part("Deals and orders", Deal, Of.CUSTOMER, Deal.customer_id),
    Part(DealCall.__tablename__, "Calls about deals", DealCall, Of.CUSTOMER, _deal_calls),
    _part("Changes of the record", CustomerChange, Of.CUSTOMER, CustomerChange.customer_id),
    Part(CustomerMerge.__tablename__, "Merges", CustomerMerge, Of.CUSTOMER, _merges),
    Part(CustomerMergeMove.__tablename__, "What merges moved", CustomerMergeMove, Of.CUSTOMER, _moves),
    Part(
        DuplicatePair.__tablename__, "Records that may be the same person", DuplicatePair, Of.CUSTOMER, _pairs
    ),
    Part(CustomerImportRow.__tablename__, "Lines of imported files", CustomerImportRow, Of.LINE, _lines),
    _part("Earlier requests for this data", DataRequest, Of.CUSTOMER, DataRequest.customer_id),
    _part("Earlier erasures", ErasureCertificate, Of.CUSTOMER, ErasureCertificate.customer_id),
    _part("Calls", Call, Of.CALL, Call.id),
    _part("Whose call it was", CallCustomer, Of.CALL, CallCustomer.call_id),
    _part("Numbers calls were matched by", CallMatch, Of.CALL, CallMatch.call_id),
    _part("Our people on the calls", CallPerson, Of.CALL, CallPerson.call_id),
    _part("Transfers", CallTransfer, Of.CALL, CallTransfer.call_id),
    _part("What happened in the calls", CallMoment, Of.CALL, CallMoment.call_id),
    _part("What agents noted about the calls", CallWrapUp, Of.CALL, CallWrapUp.call_id),
    _part("Blocked calls", BlockedCall, Of.CALL, BlockedCall.call_id),
    _part("Entries of the block list", BlockedCaller, Of.NUMBER, BlockedCaller.value),
    _part("How the audio of each call stands", CallAudio, Of.CALL, CallAudio.call_id),
    _part("Recordings", Recording, Of.CALL, Recording.call_id),
    _part("Files of recordings", RecordingFile, Of.RECORDING, RecordingFile.recording_id),
    _part("Stretches that were not recorded", RecordingPause, Of.CALL, RecordingPause.call_id),
    _part("Transcripts", Transcript, Of.RECORDING, Transcript.recording_id),
    _part("Comments on recordings", RecordingComment, Of.RECORDING, RecordingComment.recording_id),
    _part("Who heard, read or exported recordings", RecordingUse, Of.CALL, RecordingUse.call_id),
    _part("Callbacks", Callback, Of.CALLBACK, Callback.id),
    _part("Requests for callbacks", Submission, Of.REQUEST, Submission.id),
    _part("Attempts to call back", Attempt, Of.ATTEMPT, Attempt.id),
    _part("What happened to callbacks", CallbackStep, Of.CALLBACK, CallbackStep.callback_id),
    _part("Calls somebody said nothing is owed for", InboxDismissal, Of.NUMBER, InboxDismissal.number),
    _part("What other CRMs said of the numbers", ConnectorContacts, Of.NUMBER, ConnectorContacts.number),
    _part("Whom somebody picked in other CRMs", ConnectorPick, Of.CALL, ConnectorPick.call_id),
    _part("What other CRMs were told as it began", ConnectorBegun, Of.CALL, ConnectorBegun.call_id),
    _part("What other CRMs were told", ConnectorLog, Of.CALL, ConnectorLog.call_id),
    _part("What other servers were told", WebhookDelivery, Of.DELIVERY, WebhookDelivery.subject),
    _part("What happened, as programs are told of it", FactLogRow, Of.SUBJECT, FactLogRow.subject),
)

DERIVED = "made from tables above, and goes with them"
OURS = "about our own people, machines or settings"
SHORT = "forgotten within minutes or hours, without a name"

WITHOUT: dict[str, str] = {
    "customer_words": DERIVED,
    "customer_field_words": DERIVED,
    "identity_keys": DERIVED,
    "search_documents": DERIVED,
    "webhook_attempts": "goes with its delivery; numbers in it are masked",
    "recording_jobs": DERIVED,
    "call_journal": "of calls that go on; gone with their end",
    "pops": "which of our screens showed a card when",
    "customer_imports": "which files came; their lines are above",
    "duplicate_searches": OURS,
    "erasure_tries": "counts only, until a certificate has them",
    "expired_customers": "numbers of records only, no person",
    "suppressions": "a keyed hash of the number: it keeps us from calling, also after erasure",
    "callback_lists": "files that were sent in; forgotten after 30 days",
    "api_answers": (
        "what programs were answered, forgotten after a day; answers with a person's name, number, address or id are "
        "erased with them, others (of notes or callbacks without these) stay that day"
    ),
    "store_leftovers": "names of stored files only",
    "guard_counts": SHORT,
    "used_proofs": SHORT,
    **dict.fromkeys(
        (
            "agent_states", "alarms", "api_keys", "audio_checks", "audit_days", "audit_findings", "audit_runs",
            "blind_windows", "connector_starts", "fact_cursors", "login_throttle", "pbx_heartbeats", "prompts",
            "prompts_on_pbx", "secrets", "user_devices", "user_sessions", "users", "webhook_endpoints",
        ),
        OURS,
    ),
}  # fmt: skip
"""Tables that are in no part, and why."""
