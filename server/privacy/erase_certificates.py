"""Certificates of erasures: what went, how many, when and by whom, and what stayed and why; nothing of the person.
Written with the erasure and read by administrators; its code is for the person who was erased."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import iso
from core.errors import NotFoundError
from crm_link.paging import cursor_of, parts_of
from recordings.access import Asker
from server.privacy.erase_tables import ErasureCertificate

CODE_BYTES = 8
PAGE = 50


@dataclass(frozen=True, slots=True)
class Certificate:
    """`erased` are (what, how many), `kept` (what, how many, why). `by` is a login, or a program as it is written
    down."""

    id: int
    code: str
    customer_id: int
    at: float
    by: str
    erased: tuple[tuple[str, int], ...]
    kept: tuple[tuple[str, int, str], ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "customer": self.customer_id,
            "at": iso(self.at),
            "by": self.by,
            "erased": [{"what": what, "count": count} for what, count in self.erased],
            "kept": [{"what": what, "count": count, "why": why} for what, count, why in self.kept],
        }


@dataclass(frozen=True, slots=True)
class CertificatePage:
    """`next` is the cursor of the following page, None on the last one."""

    certificates: tuple[Certificate, ...]
    next: str | None


async def certify(
    connection: AsyncConnection,
    asker: Asker,
    customer_id: int,
    at: float,
    erased: Mapping[str, int],
    kept: Sequence[tuple[str, int, str]],
) -> Certificate:
    values = {
        "code": secrets.token_hex(CODE_BYTES),
        "customer_id": customer_id,
        "at": at,
        "user_id": asker.user.id if asker.user is not None else None,
        "by": asker.name,
        "erased": json.dumps([(what, count) for what, count in erased.items() if count], ensure_ascii=False),
        "kept": json.dumps(list(kept), ensure_ascii=False),
    }
    made = await connection.execute(
        insert(ErasureCertificate).values(**values).returning(ErasureCertificate.id)
    )
    return await read_certificate(connection, made.scalar_one())


async def read_certificate(connection: AsyncConnection, certificate_id: int) -> Certificate:
    """Raises NotFoundError."""
    rows = await connection.execute(
        select(*ErasureCertificate.__table__.c).where(ErasureCertificate.id == certificate_id)
    )
    row = rows.one_or_none()
    if row is None:
        raise NotFoundError(f"there is no certificate {certificate_id}")
    return _certificate(row)


async def list_certificates(
    connection: AsyncConnection, *, limit: int = PAGE, after: str | None = None
) -> CertificatePage:
    """The newest first. Raises InvalidInputError for a cursor that is none."""
    found = select(*ErasureCertificate.__table__.c)
    if after is not None:
        found = found.where(ErasureCertificate.id < parts_of(after, int, field="after")[0])
    rows = (await connection.execute(found.order_by(ErasureCertificate.id.desc()).limit(limit + 1))).all()
    page = tuple(_certificate(row) for row in rows[:limit])
    return CertificatePage(page, cursor_of(page[-1].id) if len(rows) > limit else None)


def _certificate(row: Any) -> Certificate:
    return Certificate(
        id=row.id,
        code=row.code,
        customer_id=row.customer_id,
        at=row.at,
        by=row.by,
        erased=tuple((what, count) for what, count in json.loads(row.erased)),
        kept=tuple((what, count, why) for what, count, why in json.loads(row.kept)),
    )
