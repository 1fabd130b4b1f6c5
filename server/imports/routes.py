"""Every URL of imports and exports of customers, for people and for programs, its handler and the least role that may
use it. Part of `routes.py` and `api_routes.py`; what is not here does not exist."""

from __future__ import annotations

from core.accounts import Role
from server.api import customer_imports
from server.customers import export as customer_export
from server.imports import page as customer_import_page
from server.web.routing import Route

__all__ = ["CUSTOMER_IMPORT_API_ROUTES", "CUSTOMER_IMPORT_ROUTES"]

ID = "[0-9]{1,9}"
ONE = f"/customers/import/{{id:{ID}}}"
API = "/api/v1/customer-imports"
API_ONE = f"{API}/{{import_id:{ID}}}"
API_VCARD = f"/api/v1/customers/{{customer_id:{ID}}}.vcf"
IMPORT, EXPORT = "customers:import", "customers:export"

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
    Route("POST", f"{ONE}/existing", customer_import_page.choose, Role.MANAGER),
    Route("POST", f"{ONE}/start", customer_import_page.start, Role.MANAGER),
    Route("POST", f"{ONE}/undo", customer_import_page.undo, Role.MANAGER),
    Route("POST", f"{ONE}/drop", customer_import_page.drop, Role.MANAGER),
    Route("GET", f"{ONE}/refused.csv", customer_import_page.refused, Role.MANAGER),
    Route("GET", "/customers.csv", customer_export.as_csv, Role.MANAGER),
    Route("GET", "/customers.xlsx", customer_export.as_workbook, Role.MANAGER),
    Route("GET", "/customers.vcf", customer_export.as_vcards, Role.MANAGER),
    Route("GET", f"/customers/{{id:{ID}}}.vcf", customer_export.one_as_vcard, Role.AGENT),
)

CUSTOMER_IMPORT_API_ROUTES = (
    Route("GET", API, customer_imports.list_imports, Role.MANAGER, scope=IMPORT),
    Route(
        "POST",
        API,
        customer_imports.add_import,
        Role.MANAGER,
        scope=IMPORT,
        body_limit=customer_import_page.BODY_LIMIT,
        streams=True,
    ),
    Route("GET", API_ONE, customer_imports.read_import, Role.MANAGER, scope=IMPORT),
    Route("DELETE", API_ONE, customer_imports.delete_import, Role.MANAGER, scope=IMPORT),
    Route("GET", f"{API_ONE}/lines", customer_imports.list_lines, Role.MANAGER, scope=IMPORT),
    Route("GET", f"{API_ONE}/refused.csv", customer_imports.read_refused, Role.MANAGER, scope=IMPORT),
    Route("POST", f"{API_ONE}/check", customer_imports.check_import, Role.MANAGER, scope=IMPORT),
    Route("POST", f"{API_ONE}/start", customer_imports.start_import, Role.MANAGER, scope=IMPORT),
    Route("POST", f"{API_ONE}/undo", customer_imports.undo_import, Role.MANAGER, scope=IMPORT),
    Route("GET", "/api/v1/customers.csv", customer_imports.export_csv, Role.MANAGER, scope=EXPORT),
    Route("GET", "/api/v1/customers.xlsx", customer_imports.export_workbook, Role.MANAGER, scope=EXPORT),
    Route("GET", "/api/v1/customers.vcf", customer_imports.export_vcards, Role.MANAGER, scope=EXPORT),
    Route("GET", API_VCARD, customer_imports.export_vcard, Role.AGENT, scope="customers:read"),
)
