"""What all sub-commands share: the program, how errors are said, and how it was called."""

from __future__ import annotations

import shlex
import sys
import warnings

import typer
from rich.console import Console

from headwater._utils.errors import InputError

app = typer.Typer(
    name="headwater",
    help="Find the sources of M/EEG in millimetres.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# Names of the user's (paths, conditions, regions) may look like markup and must be shown as they are.
console = Console(markup=False)
errors = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line; what the user can mend is said in one sentence, with exit code 2."""
    import mne

    mne.set_log_level("ERROR")
    warnings.showwarning = _show_warning
    try:
        app()
    except InputError as error:
        errors.print(f"Error: {error}", style="red")
        sys.exit(2)
    except OSError as error:
        place = error.filename or "while writing"
        errors.print(f"Error: {error.strerror or error} ({place}); nothing was kept.", style="red")
        sys.exit(2)


def called_as() -> str:
    """Return the command as the user typed it."""
    return shlex.join(["headwater", *sys.argv[1:]])


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:  # noqa: ANN001
    errors.print(f"Note: {message}", style="yellow")
