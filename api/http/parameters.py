"""Query parameters: one that nobody reads is a mistake, and the client is told."""

from __future__ import annotations

from fastapi import Request

from api.http.problems import Invalid, ProblemEntry


def refuse_unknown_parameters(request: Request) -> None:
    """Raise `Invalid` where the query holds a parameter that the route does not know."""
    if not request.url.query:
        return
    known = _known(request)
    unknown = [name for name in dict.fromkeys(request.query_params.keys()) if name not in known]
    if unknown:
        detail = f"there is no such parameter here; known are: {', '.join(sorted(known)) or 'none'}"
        raise Invalid([ProblemEntry(pointer=f"/{name}", detail=detail) for name in unknown[:20]])


def _known(request: Request) -> set[str]:
    """What the description knows: FastAPI has no other public place where a route's parameters can be looked up."""
    methods = request.app.openapi()["paths"].get(getattr(request.scope.get("route"), "path", ""), {})
    declared = methods.get(request.method.lower(), {}).get("parameters", ())
    return {parameter["name"] for parameter in declared if parameter["in"] == "query"}
