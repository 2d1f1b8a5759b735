"""Routing: finds the route for a method and a path, or the Allow header for a method without a route."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from pydantic import BaseModel
from starlette.routing import compile_path

from ringback.domain.errors import method_not_allowed, not_found
from ringback.domain.operations import Operation
from ringback.domain.twilio_hosts import Product
from ringback.twilio_api.authentication import Authenticate, authenticate_for_path
from ringback.twilio_api.hosts import product_in
from ringback.twilio_api.request_context import NO_PARAMETERS, Handler, RequestContext

ALWAYS_ALLOWED = ("OPTIONS",)
"""The methods that TwilioApp answers itself, on every path."""
COMPLETE_RESOURCES = re.compile(r"/2010-04-01/Accounts(/\{AccountSid\}(/OutgoingCallerIds(/\{Sid\})?)?)?")
"""Paths on which ringback supports every method that Twilio supports. For any other method, Twilio also responds with
405."""
NOT_EMULATED = re.compile(r".*/IncomingPhoneNumbers/(Local|Mobile|TollFree)")
"""Paths of lists that could be mistaken for the path of one number. Only the list of all numbers is emulated."""

Schema = dict[str, Any]
"""A JSON Schema object."""


class Route(NamedTuple):
    """One operation of the Twilio API: its path, its handler and its OpenAPI description.

    `schema` describes the JSON response; it is None for a 204. `query` maps query parameters to their descriptions, and
    `form` defines the parameters of the body. `status` is the status on success, and `errors` are the error statuses
    that not every operation has. `products` are the products whose hosts serve the route, `aliases` its other paths.
    """

    operation: Operation
    methods: tuple[str, ...]
    path: str
    handler: Handler
    summary: str
    schema: Schema | None = None
    query: Mapping[str, str] = NO_PARAMETERS
    form: type[BaseModel] | None = None
    errors: tuple[HTTPStatus, ...] = ()
    products: tuple[Product, ...] = (Product.API,)
    status: HTTPStatus = HTTPStatus.OK
    authenticate: Authenticate = authenticate_for_path
    aliases: tuple[str, ...] = ()


class Resource(NamedTuple):
    """The routes of one path, by method."""

    pattern: re.Pattern[str]
    routes: dict[str, Route]
    is_complete: bool
    """Whether ringback emulates every method that Twilio supports on this path."""
    products: tuple[Product, ...]

    @property
    def allowed_methods(self) -> str:
        """The value of the Allow header."""
        methods = {*self.routes, *ALWAYS_ALLOWED}
        return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


class Router:
    """Finds the route of a request. It ignores the suffix of a path, and routes HEAD as GET.

    Starlette's router tries each route in turn, with a separate route for each method of a path, and wraps each handler
    in dependency injection. That would take a third of the time of a GET.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        by_path: dict[str, Resource] = {}
        for path, route in ((path, each) for each in routes for path in (each.path, *each.aliases)):
            pattern, _, _ = compile_path(path)
            resource = by_path.setdefault(
                path, Resource(pattern, {}, bool(COMPLETE_RESOURCES.fullmatch(path)), route.products)
            )
            resource.routes.update(dict.fromkeys(route.methods, route))
        self._resources = list(by_path.values())

    def matches(self, method: str, path: str, product: Product | None = None) -> bool:
        """Return whether ringback answers a request as Twilio does, even with 404, or with 405 on a complete resource.

        `product` is the product of the request's host, if known.
        """
        if NOT_EMULATED.fullmatch(path):
            return False
        resources = (
            resource
            for resource in self._resources
            if resource.pattern.fullmatch(path) and (product is None or product in resource.products)
        )
        return any(resource.is_complete or method in (*resource.routes, *ALWAYS_ALLOWED) for resource in resources)

    def find(self, context: RequestContext) -> Route:
        """Return the route of a request, and set the context's operation and path parameters.

        Raises TwilioError 20404 for an unknown path, and 20004 for an unsupported method. Such requests have no
        operation.
        """
        for resource in self._resources:
            match = resource.pattern.fullmatch(context.resource_path)  # match() would accept a trailing line feed
            if match and self._is_served(context, resource):
                route = resource.routes.get(context.route_method)
                if route is None:
                    allow = resource.allowed_methods
                    raise method_not_allowed(allow, f"ringback supports only {allow} on this resource")
                context.operation, context.is_routed = route.operation, True
                context.path_parameters = match.groupdict()
                return route
        raise not_found(context.path)

    @staticmethod
    def _is_served(context: RequestContext, resource: Resource) -> bool:
        """Return whether a request's host serves a resource. All hosts serve the main API: its paths are unique."""
        if Product.API in resource.products:
            return True
        product = product_in(context.scope)
        return product is None or product in resource.products


def check_routes(routes: Iterable[Route]) -> None:
    """Raise RuntimeError unless every operation has exactly one route, and every method of a path at most one."""
    routes = list(routes)
    operations = Counter(route.operation for route in routes)
    endpoints = Counter((method, route.path) for route in routes for method in route.methods)
    wrong = [operation.value for operation in Operation if operations[operation] != 1]
    wrong += [f"{method} {path}" for (method, path), count in endpoints.items() if count > 1]
    if wrong:
        raise RuntimeError(f"twilio_api/routes.py must have exactly one route for: {', '.join(wrong)}")
