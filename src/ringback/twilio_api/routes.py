"""The routes of the Twilio surface, and which of them a path and a method lead to.

FastAPI documents them as any others. But their endpoints take the request, and nothing else, and return the answer,
finished: to have a router try one route after the other, look for dependencies where there are none, and guard what
they might leave open, takes a third of a GET.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.domain.errors import method_not_allowed, not_found
from ringback.twilio_api.openapi import with_path_parameters

Endpoint = Callable[[Request], Awaitable[Response]]

ALWAYS_ALLOWED = ("OPTIONS",)
"""What the edge answers by itself, on every path."""
COMPLETE_RESOURCE = "/OutgoingCallerIds"
"""ringback has every method of this resource, so its 405 is also Twilio's. Other resources can only be read."""


class DirectRoute(APIRoute):
    """A route that calls its endpoint straight."""

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        options["openapi_extra"] = with_path_parameters(path, options.get("openapi_extra"))
        super().__init__(path, endpoint, **options)
        self.app = _answering(endpoint)


def _answering(endpoint: Endpoint) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)

    return app


class Resource(NamedTuple):
    """What a path names: its routes by their methods; `any_route` is the first of them."""

    any_route: DirectRoute
    by_method: dict[str, DirectRoute]

    @property
    def is_complete(self) -> bool:
        """Tell whether every method that Twilio has here is emulated."""
        return COMPLETE_RESOURCE in self.any_route.path

    @property
    def allowed(self) -> str:
        """The methods, as the header Allow has them."""
        methods = {*self.by_method, *ALWAYS_ALLOWED}
        return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


class Routes:
    """The direct routes among `routes`, by their paths."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        by_path: dict[str, Resource] = {}
        for route in routes:
            if isinstance(route, DirectRoute):
                resource = by_path.setdefault(route.path, Resource(route, {}))
                resource.by_method.update(dict.fromkeys(route.methods or (), route))
        self._resources = [(resource.any_route.path_regex, resource) for resource in by_path.values()]

    def emulate(self, method: str, path: str) -> bool:
        """Tell whether ringback answers a request as Twilio does, if only with an error of a complete resource.

        `path` has no suffix, and `method` is GET for HEAD. The answer may still be that there is nothing at `path`.
        """
        resources = (resource for pattern, resource in self._resources if pattern.fullmatch(path))
        return any(resource.is_complete or method in (*resource.by_method, *ALWAYS_ALLOWED) for resource in resources)

    def find(self, scope: Scope, path: str) -> DirectRoute:
        """Return the route of a request, and lay it and the path's parameters into the scope.

        Raises TwilioError 20404, which names the `path`, or 20004 for a method that the resource does not know.
        """
        for pattern, resource in self._resources:
            found = pattern.fullmatch(scope["path"])  # the patterns end in $, which a line feed may follow
            if found:
                route = scope["route"] = resource.by_method.get(scope["method"], resource.any_route)
                if scope["method"] not in resource.by_method:
                    raise method_not_allowed(resource.allowed)
                scope["path_params"] = found.groupdict()
                return route
        raise not_found(path)
