"""The description of the API, made from the table of routes: it says what is there, and no more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from vidstream.web.http import reason
from vidstream.web.routes import NAMES, Route
from vidstream.web.schemas import COMPONENTS, ref

#: statuses that any route may give
_ANY = (400, 401, 403, 421, 429, 503)


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "vidstream",
            "version": "1",
            "description": "What a running graph of video analytics sees and finds.",
        },
        "paths": paths,
        "components": {
            "schemas": COMPONENTS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    schema = route.answer if route.answer is not None else {"type": "string"}
    error = {"application/json": {"schema": ref("Error")}}
    answers: dict[str, Any] = {
        str(route.status): {"description": route.summary, "content": {route.kind: {"schema": schema}}}
    }
    for status in (*_ANY, *route.others):
        body = {route.kind: {"schema": schema}} if status == 503 and route.path == "/health" else error
        answers[str(status)] = {"description": reason(status), "content": body}
    operation: dict[str, Any] = {
        "summary": route.summary,
        "parameters": _parameters(route),
        "responses": dict(sorted(answers.items())),
    }
    if route.open:
        operation["security"] = []
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": f"^{NAMES[name]}$"},
        }
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    found += [
        {"name": option.name, "in": "query", "description": option.meaning, "schema": option.schema}
        for option in route.options
    ]
    if route.acts:
        found.append({"name": "X-Vidstream", "in": "header", "required": True, "schema": {"const": "1"}})
    return found
