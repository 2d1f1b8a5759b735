"""Registration of operations and parameters of the Twilio API. Failures name what is missing."""

import ast
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy import MetaData, Table

from ringback.control_api.calls import CallResponse, call_response
from ringback.control_api.fidelity_file import read_fidelity
from ringback.domain.calls import ValidationCall, ValidationRequest
from ringback.storage.statements import columns
from ringback.storage.tables import validation_calls
from ringback.twilio_api.account_parameters import AccountForm, SubaccountForm
from ringback.twilio_api.parameters import PAGING, CallerIdForm, CallForm, ValidationRequestForm
from ringback.twilio_api.router import Route
from ringback.twilio_api.routes import ROUTES
from support.domain_values import a_call

ROOT = Path(__file__).resolve().parents[2]
FACTS = [fact for section in read_fidelity().sections for fact in section.facts]
CONTRACT_TESTS = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests/contract").glob("test_*.py"))
NOT_IN_CONTROL_API = {"keys", "attempts_allowed"}
"""Fields of a call that the control API does not show: unfinished digits, and a limit that the policy sets."""

NESTED = {"capabilities", "subresource_uris"}
"""Fields that contain fields, for which CSV has no column."""

FORMS = [ValidationRequestForm, CallerIdForm, CallForm, SubaccountForm, AccountForm]


def handler_file(route: Route) -> str:
    return f"twilio_api/{route.handler.__module__.rpartition('.')[2]}.py"


def lists() -> list[Route]:
    return [route for route in ROUTES if route.operation.startswith("list-")]


def handler_modules() -> list[ModuleType]:
    """Return the handler modules that have COLUMNS."""
    modules = (sys.modules[name] for name in sorted({route.handler.__module__ for route in ROUTES}))
    return [module for module in modules if hasattr(module, "COLUMNS")]


def dictionaries(module: ModuleType) -> list[tuple[str, ...]]:
    """Return the keys of each dictionary literal in a module."""
    nodes = (node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Dict))
    return [tuple(str(key.value) for key in node.keys if isinstance(key, ast.Constant)) for node in nodes]


@pytest.mark.parametrize("route", lists(), ids=lambda route: route.operation)
def test_query_of_a_list_has_its_filters_and_paging(route: Route) -> None:
    filters = sys.modules[route.handler.__module__].FILTERS

    assert route.query == {**filters, **PAGING}, (
        f"{route.operation} in twilio_api/routes.py needs query={{**FILTERS, **PAGING}} with the FILTERS of "
        f"{handler_file(route)}"
    )


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_handlers_of_every_route_are_covered_by_a_fidelity_fact(route: Route) -> None:
    file = handler_file(route)
    named = {place.partition(":")[0] for fact in FACTS for place in fact.where}

    assert file in named, f'name {file} as "where" of its facts in control_api/fidelity.toml'


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_handlers_of_every_route_have_a_summary_and_a_description(route: Route) -> None:
    assert route.summary
    assert route.handler.__doc__, f"{route.handler.__name__} in {handler_file(route)} needs a docstring, for OpenAPI"


@pytest.mark.parametrize("module", handler_modules(), ids=lambda module: module.__name__)
def test_document_of_a_resource_has_its_columns_in_their_order(module: ModuleType) -> None:
    documents = [tuple(key for key in keys if key not in NESTED) for keys in dictionaries(module)]

    assert module.COLUMNS in documents, (
        f"COLUMNS of {module.__name__} are not the fields of its document: {', '.join(module.COLUMNS)}"
    )


@pytest.mark.parametrize("form", FORMS)
def test_every_parameter_is_covered_by_a_fidelity_fact(form: type[BaseModel]) -> None:
    names = [str(field.alias) for field in form.model_fields.values()]
    facts = "\n".join(fact.fact for fact in FACTS)
    missing = [
        f"{name}: add its rules to control_api/fidelity.toml" for name in names if not re.search(rf"\b{name}\b", facts)
    ]

    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("form", FORMS)
def test_every_parameter_has_a_contract_test(form: type[BaseModel]) -> None:
    names = [str(field.alias) for field in form.model_fields.values()]
    missing = [f"{name}: test it over HTTP in tests/contract" for name in names if f'{name}"' not in CONTRACT_TESTS]

    assert not missing, "\n".join(missing)


def test_every_parameter_is_a_field_of_the_validation_request() -> None:
    parameters, fields = set(ValidationRequestForm.model_fields), set(ValidationRequest._fields)

    assert not parameters - fields, f"add {parameters - fields} to ValidationRequest in domain/calls.py"
    assert not fields - parameters, f"add {fields - parameters} to ValidationRequestForm in twilio_api/parameters.py"


def test_every_field_of_the_validation_request_is_a_field_of_the_call() -> None:
    missing = set(ValidationRequest._fields) - set(ValidationCall._fields)

    assert not missing, f"add {missing} to ValidationCall in domain/calls.py"


def test_every_field_of_a_call_has_a_column() -> None:
    missing = set(ValidationCall._fields) - {str(column.name) for column in validation_calls.c}

    assert not missing, f"add {missing} to validation_calls in storage/tables.py, with a migration"


def test_missing_column_of_a_table_is_reported_by_name() -> None:
    with pytest.raises(TypeError, match="the definition of the table forgotten needs the column sid, url"):
        columns(Table("forgotten", MetaData()), "sid", "url")


def test_every_field_of_a_call_is_in_the_control_api() -> None:
    missing = set(ValidationCall._fields) - set(CallResponse.model_fields) - NOT_IN_CONTROL_API

    assert not missing, f"add {missing} to CallResponse and call_response in control_api/calls.py"


def test_response_of_a_call_has_every_field() -> None:
    try:
        response = call_response(a_call(), None)
    except ValidationError as error:
        missing = ", ".join(str(detail["loc"][0]) for detail in error.errors())
        pytest.fail(f"call_response in control_api/calls.py does not pass {missing}")

    assert response.model_fields_set == set(CallResponse.model_fields)
