"""Every URL of imports and exports of customers, for people and for programs, its handler and the least role that may
use it. Part of `routes.py` and `api_routes.py`; what is not here does not exist."""

from __future__ import annotations

from core.accounts import Role
from server import customer_export, customer_import_page
from server.routing import Route

__all__ = ["CUSTOMER_IMPORT_ROUTES"]

ID = "[0-9]{1,9}"
ONE = f"/customers/import/{{id:{ID}}}"

CUSTOMER_IMPORT_ROUTES = (
    Route("GET", "/customers/import", customer_import_page.index, Role.MANAGER),
    Route(
        "POST",
        "/customers/import",
        customer_import_page.add,
        Role.MANAGER,
        body_limit=customer_import_page.BODY_LIMIT,
        streams=True,
    ),
    Route("GET", ONE, customer_import_page.show, Role.MANAGER),
    Route("POST", f"{ONE}/check", customer_import_page.check, Role.MANAGER),
    Route("POST", f"{ONE}/start", customer_import_page.start, Role.MANAGER),
    Route("POST", f"{ONE}/undo", customer_import_page.undo, Role.MANAGER),
    Route("POST", f"{ONE}/drop", customer_import_page.drop, Role.MANAGER),
    Route("GET", f"{ONE}/refused.csv", customer_import_page.refused, Role.MANAGER),
    Route("GET", "/customers.csv", customer_export.as_csv, Role.MANAGER),
    Route("GET", "/customers.xlsx", customer_export.as_workbook, Role.MANAGER),
    Route("GET", "/customers.vcf", customer_export.as_vcards, Role.MANAGER),
    Route("GET", f"/customers/{{id:{ID}}}.vcf", customer_export.one_as_vcard, Role.AGENT),
)
