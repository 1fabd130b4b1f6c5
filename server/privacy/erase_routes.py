"""Every URL of people's rights to their data, for people and for programs, its handler and the least role that may use
it. Part of `routes.py` and `api_routes.py`; what is not here does not exist."""

from __future__ import annotations

from core.accounts import Role
from server.api import erasures
from server.privacy import erase_person_page
from server.web.routing import Route

__all__ = ["ERASE_API_ROUTES", "ERASE_ROUTES"]

ID = "[0-9]{1,9}"
ADMIN = Role.ADMINISTRATOR
API_CUSTOMER = f"/api/v1/customers/{{customer_id:{ID}}}"

ERASE_ROUTES = (
    Route("GET", f"/customers/{{id:{ID}}}/data", erase_person_page.show, ADMIN),
    Route("POST", f"/customers/{{id:{ID}}}/data", erase_person_page.hand_out, ADMIN),
    Route("POST", f"/customers/{{id:{ID}}}/erase", erase_person_page.erase, ADMIN),
    Route("GET", "/admin/erasures", erase_person_page.index, ADMIN),
    Route("GET", f"/admin/erasures/{{id:{ID}}}", erase_person_page.show_certificate, ADMIN),
    Route("GET", f"/admin/erasures/{{id:{ID}}}.json", erase_person_page.certificate_as_json, ADMIN),
)

ERASE_API_ROUTES = (
    Route("POST", f"{API_CUSTOMER}/data", erasures.hand_out, ADMIN, scope="recordings:export"),
    Route("POST", f"{API_CUSTOMER}/erase", erasures.erase_customer, ADMIN, scope="customers:erase"),
    Route("GET", "/api/v1/erasures", erasures.list_erasures, ADMIN, scope="customers:erase"),
    Route(
        "GET", f"/api/v1/erasures/{{erasure_id:{ID}}}", erasures.read_erasure, ADMIN, scope="customers:erase"
    ),
)
