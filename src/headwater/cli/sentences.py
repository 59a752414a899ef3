"""Errors of the library as the command line says them: with its options instead of Python's parameters."""

from __future__ import annotations

import ast
import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typer._click.core import Command

# `name` or `name=value`, as `InputError` describes it
PARAMETER = re.compile(r"`(\w+)(?:=([^`]*))?`")


def with_options(sentence: str, command: Command) -> str:
    """Replace the parameters between backticks that the command has as options or arguments."""
    names = {
        str(one.name): one.opts[0] if one.param_type_name == "option" else str(one.name).upper()
        for one in command.params
    }

    def option(found: re.Match[str]) -> str:
        name, value = found.groups()
        if name not in names:
            return found[0]
        return " ".join([names[name], *_words(value)])

    return PARAMETER.sub(option, sentence)


def _words(value: str | None) -> list[str]:
    """Return what follows the option: nothing for flags, and lists separated by commas."""
    if value is None or value == "True":
        return []
    try:
        literal = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return [value]
    return [shlex.quote(",".join(map(str, literal)) if isinstance(literal, tuple) else str(literal))]
