"""HTML reference page for an OpenAPI document. It needs no scripts and no other files, so it works offline."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

SECURITY_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid; margin-top: 1.5rem; }
h2 { font-size: 1.1rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; }
"""


async def show(request: Request) -> HTMLResponse:
    """Return the reference page of the application that received the request."""
    page = render(request.app.openapi(), request.scope.get("root_path", ""))
    return HTMLResponse(page, headers=SECURITY_HEADERS)


def render(openapi: Mapping[str, Any], base_path: str = "") -> str:
    """Return an HTML page that lists every operation of an OpenAPI 3 document with its parameters.

    `base_path` is the path at which the application is mounted.
    """
    info, openapi_path = openapi["info"], f"{base_path}/openapi.json"
    schemas = openapi.get("components", {}).get("schemas", {})
    operations = "".join(
        _operation(method, base_path + path, operation, schemas)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}: requests</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        f"<p>{escape(info.get('description', ''))}</p>"
        f'<p>For programs: <a href="{escape(openapi_path)}">{escape(openapi_path)}</a></p>'
        f"{operations}</main></body></html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    rows = [*_parameter_rows(operation), *_body_rows(operation, schemas)]
    head = "<tr><th>Parameter</th><th>In</th><th>Value</th><th>Description</th></tr>"
    table = f"<table>{head}{''.join(rows)}</table>" if rows else ""
    return (
        f"<section><h2><code>{escape(method.upper())} {escape(path)}</code></h2>"
        f"<p><strong>{escape(operation.get('summary', ''))}.</strong> {escape(operation.get('description', ''))}</p>"
        f"{table}</section>"
    )


def _parameter_rows(operation: Mapping[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        yield _row(parameter["name"], parameter["in"], parameter["schema"], parameter.get("description", ""))


def _body_rows(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = _resolve(content["schema"], schemas)
        location = media_type.rpartition("/")[2].removeprefix("x-www-").removesuffix("-urlencoded")
        for name, field in schema.get("properties", {}).items():
            yield _row(name, location, _resolve(field, schemas), field.get("description", ""))


def _resolve(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """Resolve the reference of a schema, or of its first alternative that is not null."""
    alternatives = (item for item in schema.get("anyOf", ()) if item.get("type") != "null")
    schema = next(alternatives, schema)
    reference = schema.get("$ref", "").rpartition("/")[2]
    resolved: Mapping[str, Any] = schemas.get(reference, schema)
    return resolved


def _row(name: str, location: str, schema: Mapping[str, Any], description: str) -> str:
    cells = (escape(location), escape(_value(schema)), escape(description))
    return f"<tr><td><code>{escape(name)}</code></td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _value(schema: Mapping[str, Any]) -> str:
    """Describe the allowed values of a schema in a few words."""
    inner = next((item for item in schema.get("anyOf", ()) if item.get("type") != "null"), schema)
    limits = {
        "minimum": "from {}",
        "maximum": "to {}",
        "minLength": "at least {} characters",
        "maxLength": "at most {} characters",
    }
    choices = " | ".join(str(choice) for choice in inner.get("enum", ()))
    words = [choices or str(inner.get("type", ""))] + [
        text.format(inner[key]) for key, text in limits.items() if key in inner
    ]
    if schema.get("default") not in (None, ""):
        words.append(f"default {schema['default']}")
    return ", ".join(word for word in words if word)
