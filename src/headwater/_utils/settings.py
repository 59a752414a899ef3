"""Check settings before any work is done, against the types and bounds in the annotations of a constructor."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, wraps
from typing import Annotated, Any, ParamSpec, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from headwater._utils.errors import InputError

P = ParamSpec("P")

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
AtLeastZero = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]

IN_WORDS = {  # by pydantic's type of error
    "extra_forbidden": "there is no such setting",
    "unexpected_keyword_argument": "there is no such setting",
    "missing": "it is missing",
    "missing_keyword_only_argument": "it is missing",
}
LONGEST = 40  # characters shown of an invalid value


def fault(error: ValidationError) -> tuple[str, str]:
    """Describe the first fault and its place.

    Returns
    -------
    place : str
        Dotted name of the setting; empty if the fault concerns all settings.
    words : str
        Without a full stop.
    """
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] in IN_WORDS:
        return place, IN_WORDS[first["type"]]
    words = first["msg"].removesuffix(".")
    if first["type"] == "value_error":  # raised by our own code, which names the value
        return place, words.removeprefix("Value error, ")
    shown = repr(first["input"])
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
    return place, f"{words.replace('Input should', 'it should')}, and is {shown}"


def checked(init: Callable[P, None]) -> Callable[P, None]:
    """Check the arguments of a constructor against its annotations before it runs.

    Invalid arguments raise `InputError`. Lists, as read from JSON and YAML, become tuples where tuples are expected.

    Parameters
    ----------
    init : callable
        ``__init__`` with keyword arguments only.
    """

    @wraps(init)
    def wrapper(*args: P.args, **given: P.kwargs) -> None:
        owner = type(args[0]).__name__
        values = check_settings(owner, init, given)
        needed = [name for name, one in _settings(init).items() if one.default is inspect.Parameter.empty]
        if missing := [name for name in needed if name not in given]:
            raise InputError(f"{owner} needs {', '.join(missing)}; give them.")
        init(*args, **values)

    return wrapper


def check_settings(owner: str, init: Callable[..., None], given: dict[str, Any]) -> dict[str, Any]:
    """Check some arguments of a constructor.

    Parameters
    ----------
    owner : str
        Name of the constructed object, for error messages.
    init : callable
        Its ``__init__``.
    given : dict
        Arguments to check; missing ones are allowed.

    Returns
    -------
    settings : dict
        The same arguments, converted to the annotated types.
    """
    known = _settings(init)
    if unknown := [name for name in given if name not in known]:
        raise InputError(f"{owner} has no {', '.join(unknown)}; it has {', '.join(known) or 'no settings'}.")
    try:
        return dict(_adapter(init).validate_python(given))
    except ValidationError as error:
        place, words = fault(error)
        raise InputError(f"{owner}.{place}: {words}.") from error


def _settings(init: Callable[..., None]) -> dict[str, inspect.Parameter]:
    return {
        name: one
        for name, one in inspect.signature(init).parameters.items()
        if name != "self" and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    }


@cache
def _adapter(init: Callable[..., None]) -> TypeAdapter[dict[str, Any]]:
    hints = get_type_hints(init, include_extras=True)
    fields = {name: hints.get(name, Any) for name in _settings(init)}
    kind: Any = TypedDict("Settings", fields, total=False)  # type: ignore[misc]
    settings: Any = with_config(ConfigDict(extra="forbid", arbitrary_types_allowed=True))(kind)
    return TypeAdapter(settings)
