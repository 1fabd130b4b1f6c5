"""The CRM template that a 3CX is given, so that its phones show who calls: it asks our `/api/v1/lookup`. The
administrator downloads it and uploads it there, with our address and an API key typed into 3CX itself."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from aiohttp import web

FILE_NAME = "ringback-3cx.xml"
PARAMETERS = (("ServerUrl", "Address of Ringback, such as https://calls.example.com"), ("ApiKey", "API key"))
VARIABLES = (
    ("CustomerId", "customers.id"),
    ("CustomerName", "customers.name"),
    ("Company", "customers.company"),
)
OUTPUTS = (
    ("ContactUrl", "[ServerUrl]/customers/[CustomerId]"),
    ("FirstName", "[CustomerName]"),
    ("CompanyName", "[Company]"),
    ("PhoneBusiness", "[Number]"),
    ("EntityId", "[CustomerId]"),
    ("EntityType", "Customers"),
)


async def download(_request: web.Request) -> web.StreamResponse:
    headers = {"Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
    return web.Response(body=template(), content_type="application/xml", charset="utf-8", headers=headers)


def template() -> bytes:
    """The template's XML, without any secret: those are typed into 3CX."""
    crm = Element("Crm", Country="PL", Name="Ringback", Version="1", SupportsEmojis="true", ListPageSize="0")
    SubElement(crm, "Number", Prefix="AsIs", MaxLength="20")
    SubElement(crm, "Connection", MaxConcurrentRequests="4")
    parameters = SubElement(crm, "Parameters")
    for name, title in PARAMETERS:
        about = {"Type": "String", "Parent": "General Configuration", "Editor": "String", "Title": title}
        SubElement(parameters, "Parameter", {"Name": name, **about})
    SubElement(crm, "Authentication", Type="No")
    _scenario(SubElement(SubElement(crm, "Scenarios"), "Scenario", Id="", Type="REST"))
    indent(crm)
    text: str = tostring(crm, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _scenario(scenario: Element) -> None:
    request = SubElement(
        scenario,
        "Request",
        Url="[ServerUrl]/api/v1/lookup?number=[Number]",
        RequestEncoding="UrlEncoded",
        RequestType="Get",
        ResponseType="Json",
    )
    key = SubElement(SubElement(request, "Headers"), "Value", Key="Authorization", Passes="1", Type="String")
    key.text = "Bearer [ApiKey]"
    SubElement(SubElement(scenario, "Rules"), "Rule", Type="Any").text = "customers.id"
    variables = SubElement(scenario, "Variables")
    for name, path in VARIABLES:
        SubElement(SubElement(variables, "Variable", Name=name, Path=path), "Filter")
    outputs = SubElement(scenario, "Outputs", AllowEmpty="false")
    for kind, value in OUTPUTS:
        SubElement(outputs, "Output", Type=kind, Passes="0", Value=value)
