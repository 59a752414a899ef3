"""Presets as YAML files.

An object is written as a YAML tag, an exclamation mark and the name of its class, followed by its fields::

    !Preset
    name: two small bells
    sources: !GaussianBells
      n_sources: 2
      sigma_mm: !Uniform {low: 5, high: 10}
    noise: !White {snr_db: 10}

Omitted fields have their defaults; unknown ones are refused. A plain number is a constant.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater.simulation.background import Background
from headwater.simulation.distributions import Constant, Integers, LogIntegers, LogUniform, Normal, PlusMinus, Uniform
from headwater.simulation.noise import FromCovariance, PerSensorType, Recorded, White
from headwater.simulation.presets import Preset
from headwater.simulation.spatial import BinaryPatches, GaussianBells, GrownRegions, RadialPatches, RingClusters
from headwater.simulation.spatial.geometry import Euclidean, Geodesic
from headwater.simulation.spatial.orientation import AlongNormal, RandomDirection
from headwater.simulation.spatial.placement import (
    AlongPath,
    Anywhere,
    AtDistance,
    CortexAndDeep,
    EachRegion,
    FarApart,
    Independent,
)
from headwater.simulation.temporal import (
    Autoregressive,
    Correlated,
    Oscillation,
    PowerLaw,
    Static,
    TakingTurns,
    Transient,
)
from headwater.simulation.temporal.clips import Clips

CLASSES: tuple[type, ...] = (
    Preset,
    *(Constant, Uniform, LogUniform, Integers, LogIntegers, Normal, PlusMinus),
    *(GaussianBells, RadialPatches, BinaryPatches, GrownRegions, RingClusters),
    *(Euclidean, Geodesic, Anywhere, EachRegion, CortexAndDeep, Independent, FarApart, AtDistance, AlongPath),
    *(AlongNormal, RandomDirection),
    *(Static, Autoregressive, PowerLaw, Transient, Oscillation, Correlated, TakingTurns, Clips, Background),
    *(White, FromCovariance, Recorded, PerSensorType),
)


MOST_BYTES = 10**6  # of a file; presets take about 1 kB


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Safe YAML loader that knows the classes above."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Safe YAML dumper that knows the classes above; it writes no aliases, so that each part is complete."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _construct(kind: type) -> Any:
    names = [one.name for one in fields(kind)]
    required = [one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]

    def build(loader: yaml.SafeLoader, node: yaml.Node) -> object:
        where = f"line {node.start_mark.line + 1}"
        values: dict[Any, Any] = {}
        if isinstance(node, yaml.MappingNode):
            values = loader.construct_mapping(node, deep=True)
        elif not isinstance(node, yaml.ScalarNode) or node.value:
            raise InputError(f"{where}: write !{kind.__name__} {{field: value}}; its fields are {', '.join(names)}.")
        unknown = [str(key) for key in values if key not in names]
        if unknown:
            raise InputError(
                f"{where}: {kind.__name__} has no field {', '.join(unknown)}; its fields are {', '.join(names)}."
            )
        if missing := [name for name in required if name not in values]:
            raise InputError(f"{where}: {kind.__name__} needs the field {', '.join(missing)}.")
        try:
            return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{where}: a field of {kind.__name__} has a value of the wrong type ({error}).") from error

    return build


def _represent(dumper: yaml.SafeDumper, value: Any) -> yaml.Node:
    shown = {}
    for one in fields(value):
        content = getattr(value, one.name)
        if not isinstance(content, (*CLASSES, str, Path, bool, int, float, tuple, type(None), np.number)):
            raise InputError(
                f"{type(value).__name__}.{one.name} holds data ({type(content).__name__}), which a YAML file cannot "
                "store; save the data to a file and give its path instead."
            )
        shown[one.name] = _plain(content)
    return dumper.represent_mapping(f"!{type(value).__name__}", shown)


def _plain(content: Any) -> Any:
    if isinstance(content, tuple):
        return [_plain(one) for one in content]
    if isinstance(content, np.number):
        return content.item()
    if isinstance(content, Constant):
        return content.value
    return str(content) if isinstance(content, Path) else content


for _kind in CLASSES:
    _Loader.add_constructor(f"!{_kind.__name__}", _construct(_kind))
    _Dumper.add_representer(_kind, _represent)


def preset_to_yaml(preset: Preset) -> str:
    """Return a preset as YAML text."""
    try:
        text: str = yaml.dump(preset, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
        return text
    except yaml.representer.RepresenterError as error:
        raise InputError(
            f"{error.args[-1]!r} is of a class outside headwater, which a YAML file cannot store."
        ) from error


def preset_from_yaml(text: str) -> Preset:
    """Return the preset described by YAML text; anything unknown in it is refused."""
    try:
        preset = yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from SafeLoader
    except yaml.constructor.ConstructorError as error:
        known = ", ".join(kind.__name__ for kind in CLASSES)
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise InputError(f"line {line}: {error.problem}; known objects are {known}.") from error
    except yaml.YAMLError as error:
        raise InputError(f"This is not YAML: {' '.join(str(error).split())}") from error
    except InputError:
        raise
    except (ValueError, TypeError, RecursionError) as error:  # numbers or dates that do not exist, endless nesting
        raise InputError(f"This YAML cannot be read ({type(error).__name__}: {error}).") from error
    if not isinstance(preset, Preset):
        raise InputError("A preset file must begin with !Preset; see docs/simulate.md for an example.")
    return preset


def write_preset(preset: Preset, path: str | Path) -> None:
    """Write a preset to a YAML file.

    Parameters
    ----------
    preset : Preset
        Of parts that headwater knows (``headwater list parts``).
    path : path-like

    Examples
    --------
    >>> import headwater as hw
    >>> hw.write_preset(hw.presets.PIUNET, "mine.yaml")  # doctest: +SKIP
    """
    text = preset_to_yaml(preset)
    with atomic_file(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_preset(path: str | Path) -> Preset:
    """Read a preset from a YAML file; unknown keys and values out of bounds are refused, with the line.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    preset : Preset

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import headwater as hw
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hw.write_preset(hw.presets.PIUNET, Path(folder) / "mine.yaml")
    ...     hw.read_preset(Path(folder) / "mine.yaml") == hw.presets.PIUNET
    True
    """
    try:
        with Path(path).open("rb") as stream:
            text = stream.read(MOST_BYTES + 1).decode("utf-8")
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file in UTF-8; save it as UTF-8.") from error
    if len(text) > MOST_BYTES:
        raise InputError(f"{path} is larger than {MOST_BYTES // 10**6} MB; give the YAML file of a preset.")
    try:
        return preset_from_yaml(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
