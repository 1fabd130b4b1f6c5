"""A person's rights for programs: everything we have of them as one archive, erasing them, and the certificates."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from core.errors import InvalidInputError
from server.api.operation import Reply, operation
from server.api.shapes import Given, Instant, Page, Paging, Taken
from server.privacy.erase_certificates import Certificate, list_certificates, read_certificate
from server.privacy.erase_person_page import erase_person, send_archive
from server.web.keys import DATABASE


class Erase(Taken):
    """Said twice, since it cannot be taken back."""

    customer_id: int = Field(ge=1, le=2**31 - 1, description="The same number as in the address.")


class Gone(Given):
    what: str
    count: int


class Kept(Gone):
    why: str


class CertificateAnswer(Given):
    """What went and what stayed; nothing of the person."""

    id: int
    code: str = Field(description="To be told to the person.")
    customer_id: int = Field(description="The number that was theirs; it is given to nobody else.")
    at: Instant
    by: str
    erased: list[Gone]
    kept: list[Kept]


class CertificateList(Page):
    certificates: list[CertificateAnswer] = Field(description="Newest first.")


@operation("Everything we have of a person", tag="Customers", media="application/zip", problems=(409,))
async def hand_out(request: web.Request, customer_id: int) -> web.StreamResponse:
    """A ZIP file with a JSON file for each kind of data, the audio of their calls, and a page that says what is what.
    Each time is written down, and so is each recording's use. A customer who became part of another: 404, ask for
    that one."""
    return await send_archive(request, customer_id)


@operation("Erase a person", tag="Customers", status=201, problems=(409,))
async def erase_customer(request: web.Request, customer_id: int, body: Erase) -> Reply[CertificateAnswer]:
    """Everything of them goes for ever; calls stay in the log without number and name. What is on legal hold, and what
    is somebody else's too, stays and is listed. 409: a call of theirs goes on, or they were merged or called
    meanwhile."""
    if body.customer_id != customer_id:
        raise InvalidInputError("name the same customer in the body as in the address", field="customer_id")
    certificate = await erase_person(request, customer_id)
    return Reply(_shown(certificate), {"Location": f"/api/v1/erasures/{certificate.id}"})


@operation("Certificates of erasures", tag="Customers")
async def list_erasures(request: web.Request, query: Paging) -> CertificateList:
    """Who was erased when and by whom, as far as that may be said."""
    async with request.app[DATABASE].read() as connection:
        page = await list_certificates(connection, limit=query.limit, after=query.after)
    return CertificateList(certificates=[_shown(one) for one in page.certificates], next=page.next)


@operation("One certificate", tag="Customers")
async def read_erasure(request: web.Request, erasure_id: int) -> CertificateAnswer:
    async with request.app[DATABASE].read() as connection:
        return _shown(await read_certificate(connection, erasure_id))


def _shown(one: Certificate) -> CertificateAnswer:
    return CertificateAnswer(
        id=one.id,
        code=one.code,
        customer_id=one.customer_id,
        at=one.at,
        by=one.by,
        erased=[Gone(what=what, count=count) for what, count in one.erased],
        kept=[Kept(what=what, count=count, why=why) for what, count, why in one.kept],
    )
