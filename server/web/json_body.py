"""What a page's script sends: a JSON body in, the checked shape out, or a sentence that names the field."""

from __future__ import annotations

from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import InvalidInputError


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


B = TypeVar("B", bound=Body)


async def body_of(request: web.Request, shape: type[B]) -> B:
    """Raises InvalidInputError naming the field."""
    try:
        return shape.model_validate_json(await request.read())
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or None
        raise InvalidInputError(f"{field or 'body'}: {first['msg']}", field=field) from error
