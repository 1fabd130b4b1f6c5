"""Whose an order is that a shop tells of: a customer's id, or a number or address as the shop has it, in; the customer
out, made when nobody holds it. Works inside the caller's transaction, which holds the keys from then on, so that two
orders at the same instant never make two customers (P9)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import ConflictError, InvalidInputError
from core.folding import clean_line
from crm_link.changes import Edit
from crm_link.identities import Claim, give, hold_keys, holders
from crm_link.kinds import Confidence, IdentityKind, Source
from crm_link.match import Candidate
from crm_link.records import NewRecord, hold_customer, insert_customer
from crm_link.spelling import normal_value, spelling_beside


@dataclass(frozen=True, slots=True)
class Buyer:
    """`customer_id`, else the holder of `number`, else of `email`. `name` and `company` are only for one we do not know
    yet."""

    customer_id: int | None = None
    number: str = ""
    email: str = ""
    name: str = ""
    company: str = ""


async def customer_of(connection: AsyncConnection, buyer: Buyer, region: str, edit: Edit) -> int:
    """Raises NotFoundError for an unknown id, InvalidInputError for what is no number or address, and ConflictError
    when several customers hold it and nobody has picked one."""
    if buyer.customer_id is not None:
        return await hold_customer(connection, buyer.customer_id)
    claims = _claims(buyer, region)
    if not claims:
        raise InvalidInputError("say whose it is: customer_id, number or email", field="customer_id")
    await hold_keys(connection, claims)
    for claim in claims:
        found = _one(await holders(connection, claim.value, claim.kind), claim)
        if found is not None:
            return await hold_customer(connection, found)
    return await _new(connection, buyer, claims, edit)


def _claims(buyer: Buyer, region: str) -> list[Claim]:
    claims = []
    for kind, text, field in (
        (IdentityKind.PHONE, buyer.number, "number"),
        (IdentityKind.EMAIL, buyer.email, "email"),
    ):
        if not text.strip():
            continue
        try:
            value = normal_value(kind, text, region)
        except InvalidInputError as error:
            raise InvalidInputError(str(error), field=field) from error
        spelled = spelling_beside(kind, text, region)
        claims.append(Claim(kind, value, Source.API, Confidence.STATED, spelled))
    return claims


def _one(found: list[Candidate], claim: Claim) -> int | None:
    """Never silently the first (P8)."""
    picked = [one for one in found if one.was_picked]
    if len(found) > 1 and not picked:
        word = "number" if claim.kind is IdentityKind.PHONE else "address"
        raise ConflictError(f"this {word} belongs to {len(found)} customers: say which one by customer_id")
    return next((one.customer_id for one in picked or found), None)


async def _new(connection: AsyncConnection, buyer: Buyer, claims: list[Claim], edit: Edit) -> int:
    name, company = clean_line(buyer.name), clean_line(buyer.company)
    record = NewRecord(Source.API, name=name, company=company, is_provisional=not (name or company))
    customer_id = await insert_customer(connection, record, edit)
    for claim in claims:
        await give(connection, customer_id, claim, edit)
    return customer_id
