"""What all sub-commands share: the program, how errors are said, and how it was called."""

from __future__ import annotations

import io
import os
import shlex
import sys
import warnings
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

import headwater
from headwater._utils.errors import InputError
from headwater._utils.extras import extras
from headwater.cli.sentences import with_options

INTERRUPTED = 130  # the exit code of a shell after Ctrl-C


class Program(TyperGroup):
    """The sub-commands; errors of the library name the options of the one that was called."""

    def invoke(self, ctx: Any) -> Any:
        """Run the sub-command."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise InputError(with_options(str(error), self.commands[ctx.invoked_subcommand])) from error


app = typer.Typer(
    name="headwater",
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# Names of the user's (paths, conditions, regions) may look like markup and must be shown as they are.
console = Console(markup=False)
errors = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)


def _show_version(asked: bool) -> None:
    if asked:
        console.print(headwater.__version__, highlight=False)
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Find the sources of M/EEG in millimetres."""


def main() -> None:
    """Run the command line; what the user can fix is said in one sentence, with exit code 2."""
    import mne

    mne.set_log_level("ERROR")
    warnings.showwarning = _show_warning
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be valid in any encoding
    try:
        with extras():
            app(_with_flags(sys.argv[1:]))
    except InputError as error:
        _fail(str(error))
    except OSError as error:
        place = "" if error.filename is None else f" ({error.filename})"
        _fail(f"{error.strerror or error}{place}.")


def _with_flags(arguments: list[str]) -> list[str]:
    """Replace ``--baseline none`` by a flag: the option itself takes two numbers."""
    if "--baseline" not in arguments:
        return arguments
    at = arguments.index("--baseline")
    word = arguments[at + 1 : at + 2]
    return [*arguments[:at], "--no-baseline", *arguments[at + 2 :]] if word == ["none"] else arguments


def called_as() -> str:
    """Return the command as the user typed it; bytes that are not UTF-8 are shown by their numbers."""
    return os.fsencode(shlex.join(["headwater", *sys.argv[1:]])).decode("utf-8", "backslashreplace")


def _fail(sentence: str) -> None:
    errors.print(f"Error: {sentence}", style="red")
    sys.exit(2)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    errors.print(f"Note: {message}", style="yellow")
