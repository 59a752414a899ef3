"""Options that several sub-commands have, and what they stand for."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater._utils.errors import InputError

if TYPE_CHECKING:
    from headwater.head.model import Head


class Space(StrEnum):
    """Where sources may lie."""

    volume = "volume"
    cortex = "cortex"
    mixed = "mixed"


Forward = Annotated[Path | None, typer.Option(help="Forward solution (-fwd.fif) or lead field (.npz).")]
Subject = Annotated[str | None, typer.Option(help="FreeSurfer subject [default: the template head].")]
Spacing = Annotated[str | None, typer.Option(help="Distance of sources, in mm, or ico3, ico4, ico5, or both (ico4,3).")]
SubjectsDir = Annotated[Path | None, typer.Option(help="FreeSurfer's subjects folder [default: $SUBJECTS_DIR].")]
Trans = Annotated[
    str | None,
    typer.Option(help="Head-to-MRI transform of the subject (-trans.fif), or `fiducials` [default: its own]."),
]


def chosen_head(subject: str | None, subjects_dir: Path | None, trans: str | None = None) -> Head | None:
    """Return the subject's head, or None for the template."""
    if subject is None:
        for name, given in (("subjects_dir", subjects_dir), ("trans", trans)):
            if given is not None:
                raise InputError(f"`{name}` needs `subject`, the name of a FreeSurfer subject.")
        return None
    from headwater.head.subject import head_from_subject

    return head_from_subject(subject, subjects_dir, trans=trans)


def parsed_spacing(text: str | None) -> float | str | tuple[str, float] | None:
    """Return a number of mm, the name of an icosahedron as it is, or both where a comma separates them."""
    if text is not None and "," in text:
        of_cortex, _, of_grid = text.partition(",")
        try:
            return of_cortex.strip(), float(of_grid)
        except ValueError as error:
            raise InputError(f"The spacing {text!r} is not understood; give for example ico4,3.") from error
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
