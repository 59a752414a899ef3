"""The documentation site: the pages of this folder, the API from docstrings, and the executed examples."""

import os
import shutil
import socket
from pathlib import Path

from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx_gallery.scrapers import figure_rst

import headwater

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
os.environ.setdefault("OMP_NUM_THREADS", "1")

project = "headwater"
author = "The headwater developers"
copyright = author  # noqa: A001 - as Sphinx calls it
version = release = headwater.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "results/*/**", "auto_examples/*.ipynb", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
default_role = "py:obj"
suppress_warnings = ["config.cache"]

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say the types in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]

html_theme = "pydata_sphinx_theme"
html_title = "headwater"
html_static_path = ["_static"]
html_css_files = ["headwater.css"]
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "secondary_sidebar_items": {"index": [], "**": ["page-toc"]},
    "show_prev_next": False,
}
html_sidebars = {"index": [], "install": [], "coming-from": []}

# References to MNE-Python and others become links where their sites answer; offline they remain plain text.
INVENTORIES = {
    "python": ("docs.python.org", "/3"),
    "numpy": ("numpy.org", "/doc/stable"),
    "mne": ("mne.tools", "/stable"),
}


def _answers(host: str) -> bool:
    try:
        with socket.create_connection((host, 443), timeout=2):
            return True
    except OSError:
        return False


intersphinx_mapping = {
    name: (f"https://{host}{path}", None) for name, (host, path) in INVENTORIES.items() if _answers(host)
}


_drawn: list[Figure] = []


def _returned_figure(_block: tuple, block_vars: dict, gallery_conf: dict) -> str:
    """Show the figure that a block ends with where pyplot does not know of it, as of ``found.plot()``."""
    figure = block_vars["example_globals"].get("___")
    if not isinstance(figure, Figure) or hasattr(figure, "number") or any(figure is one for one in _drawn):
        return ""
    _drawn.append(figure)
    path = next(block_vars["image_path_iterator"])
    figure.savefig(path, dpi=120)
    return figure_rst([path], gallery_conf["src_dir"])


sphinx_gallery_conf = {
    "examples_dirs": str(ROOT / "examples"),
    "gallery_dirs": "auto_examples",
    "filename_pattern": "plot_",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "min_reported_time": 1,
    "show_signature": False,
    "image_srcset": ["1.5x"],
    "reset_modules": ("matplotlib",),
    "backreferences_dir": None,
    "image_scrapers": (_returned_figure, "matplotlib"),
    "ignore_repr_types": "matplotlib|Axes|Legend|list|tuple",
}


def _with_results(_app: object) -> None:
    """Take over the tables of the benchmarks, which the pages link to, and the pages of the repository."""
    results = HERE / "results"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir()
    for path in (ROOT / "benchmarks" / "results").glob("*"):
        if path.suffix in (".md", ".png"):
            shutil.copy(path, results / path.name)
    pages = [f"   {path.stem}" for path in sorted(results.glob("*.md"))]
    lines = ["Measured results", "================", "", ".. toctree::", "", *pages]
    (results / "index.rst").write_text("\n".join(lines) + "\n")


def _relinked(_app: object, _name: str, source: list[str]) -> None:
    """Links of the repository become links of the site."""
    source[0] = (
        source[0]
        .replace("](../benchmarks/results/", "](results/")
        .replace("](../README.md#install)", "](install.md)")
        .replace("](../CONTRIBUTING.md)", "](contributing.md)")
    )


def setup(app: Sphinx) -> None:
    """Connect what is done before pages are read."""
    app.connect("builder-inited", _with_results, priority=100)
    app.connect("source-read", _relinked)
