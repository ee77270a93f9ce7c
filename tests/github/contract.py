"""Holds requests, and the fake's own answers, against GitHub's description of its interface."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse


@lru_cache(maxsize=1)
def _description() -> OpenAPI:
    text = Path(__file__).with_name("openapi.json").read_text("utf-8")
    return OpenAPI.from_dict(json.loads(text), config=Config(spec_validator_cls=None))


def mistakes(
    verb: str, path: str, query: dict[str, str], body: bytes, status: int = 0, answer: Any = None
) -> str:
    """Say what is wrong with a request, or with the answer to it; empty: nothing."""
    request = MockRequest(
        "https://api.github.com",
        verb.lower(),
        path,
        args=query,
        data=body or None,
        content_type="application/json",
    )
    try:
        if status == 0:
            _description().validate_request(request)
        else:
            data = b"" if status == 204 else json.dumps(answer).encode()
            _description().validate_response(request, MockResponse(data, status))
    except OpenAPIError as error:
        cause = error.__cause__ or error
        details = [e.message for e in getattr(cause, "schema_errors", ())]
        return f"{verb} {path}: {type(cause).__name__}: {cause} {details}"
    return ""
