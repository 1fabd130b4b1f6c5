"""`/api/v1`: one file per resource. Each handler says in its signature what it takes and gives (`operation.py`), and
the OpenAPI document is made from that (`server/web/openapi.py`). Who may call what stands in `server/routes.py`."""
