"""Data flows one way: a module imports only from layers before its own, and importing the package is cheap."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import headwater

PACKAGE = Path(headwater.__file__).parent

LAYERS = (
    "_utils",
    "page",
    "head",
    "forward",
    "simulation",
    "metrics",
    "solvers",
    "networks",
    "weights",
    "training",
    "localization",
    "benchmark",
    "report",
    "live",
    "pipeline",
    "demo",
    "cli",
)

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def layer_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "headwater" and len(parts) > 1 else None


def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} uses a relative import"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_upstream(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert layer in LAYERS, f"{layer} has no place in the order of layers"
    for module in imported_modules(path):
        other = layer_of(module)
        if other is not None:
            assert LAYERS.index(other) <= LAYERS.index(layer), f"{layer} imports {module}"


def test_import_loads_no_heavy_library() -> None:
    code = "import headwater, sys; print([m for m in ('torch', 'matplotlib', 'sklearn', 'mne') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_public_name_exists() -> None:
    for name in headwater.__all__:
        assert getattr(headwater, name) is not None


def test_no_module_imports_itself_through_others() -> None:
    """Lazy imports count: a cycle that is hidden in a function is a cycle."""
    name = {".".join(("headwater", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in MODULES}
    name = {module.removesuffix(".__init__"): path for module, path in name.items()}
    graph = {module: imported_modules(path) & name.keys() - {module} for module, path in name.items()}
    assert list(TopologicalSorter(graph).static_order())
