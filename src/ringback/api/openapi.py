"""What /docs says of the routes: they read their parameters themselves, so FastAPI cannot know them."""

from typing import Any

from pydantic import BaseModel

from ringback.api.forms import FORM_CONTENT_TYPE


def form_body(form: type[BaseModel]) -> dict[str, Any]:
    """Describe a route that takes this form as its body."""
    schema = form.model_json_schema(by_alias=True)
    return {"requestBody": {"content": {FORM_CONTENT_TYPE.decode(): {"schema": schema}}}}


def query_parameters(**descriptions: str) -> dict[str, Any]:
    """Describe a route that takes these parameters in its query."""
    return {
        "parameters": [
            {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}
            for name, description in descriptions.items()
        ]
    }
