"""The recipes that are bundled with the package, by name."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from headwater._utils.errors import InputError

FOLDER = Path(str(files("headwater.training"))) / "recipes"
PRESETS = FOLDER / "presets"  # samples that recipes and benchmarks name, one file each


def bundled_recipes() -> dict[str, Path]:
    """Files of the bundled recipes, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"), key=lambda path: path.stem)}


def recipe_file(recipe: Path | str) -> Path:
    """Return the file of a recipe, given by the name of a bundled one or by its path."""
    known = bundled_recipes()
    path = known.get(str(recipe), Path(recipe))
    if not path.exists() and not path.suffix:
        raise InputError(
            f"There is no recipe {str(recipe)!r}; choose one of {', '.join(known)}, or give the path of a YAML file."
        )
    return path
