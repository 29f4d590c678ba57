"""Settings of the documentation; built with warnings as errors (`make docs`)."""

import logging
import os
from pathlib import Path
from typing import Any

import fastapi  # noqa: F401 - before autodoc, which sets TYPE_CHECKING, under which it cannot be imported
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

import headstart

project = "headstart"
author = "The headstart authors"
project_copyright = "2026, the headstart authors"
version = release = headstart.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    # the tutorial shows what the commands print today
    "sphinxcontrib.programoutput",
    # pages show formulas without a network
    "sphinx-mathjax-offline",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Source", "notes_style")]

# Our own names must resolve; those of the libraries have no inventory at hand without a network.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!headstart\.).*"),
    # type variables, private bases and aliases of array types are not documented
    (r"py:class", r"headstart\..*\.(_\w+|[A-Z]|Annotated.*)"),
    (r"py:obj", r"headstart\..*\.[A-Z]"),
    (r"py:class", r"headstart\.contest\.arrays\..*"),
    (r"py:class", r"headstart\.tune\.executors\.(Job|Value)"),
    (r"py:class", r"headstart\.board\.server\.(store|context)\.Value"),
    (r"py:class", r"headstart\.registry\.(Member|Added)"),
    (r"py:class", r"headstart\.rank\.pairs\.(Real|Precise)"),
]

# what its import says does not help whoever reads the warnings of a build
logging.getLogger("alembic").setLevel(logging.WARNING)

# as wide as a page; tables of the commands are cut to it
os.environ["COLUMNS"] = "110"

html_theme = "furo"
html_title = f"headstart {release}"


REFERENCE = Path(__file__).parent / "reference"
PACKAGE = Path(headstart.__file__).parent


def complete_reference(_app: Sphinx, page: str, source: list[str]) -> None:
    """Append, to the page of a layer, its modules that no page of the reference places by hand."""
    folder = PACKAGE / page.removeprefix("reference/")
    if not page.startswith("reference/") or not folder.is_dir():
        return
    placed = "".join(file.read_text() for file in REFERENCE.glob("*.md"))
    for path in sorted(folder.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        if not path.stem.startswith("_") and f"automodule:: {name}\n" not in placed:
            title = name.split(".", 2)[2]
            source[0] += f"\n## `{title}`\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n"


def titles_alone(contents: nodes.Element) -> nodes.Element:
    """The table of contents of a page with nothing but its title and the pages below it."""
    contents = contents.deepcopy()
    for entry in contents.children:
        if isinstance(entry, nodes.Element) and len(entry) > 1:
            if pages := list(entry.findall(addnodes.toctree)):
                entry[1][:] = pages  # type: ignore[index]
            else:
                entry.pop(1)
    return contents


SHORT: dict[str, nodes.Element] = {}


def list_pages_fast(app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    """Have the list of pages at the left of each page made from titles.

    Sphinx copies the entries of all functions for each of the 400 pages and then removes them again, which took three
    quarters of a build.
    """
    if "toctree" not in context:
        return
    every_toctree, env = context["toctree"], app.env
    if not SHORT:
        SHORT.update({page: titles_alone(contents) for page, contents in env.tocs.items()})

    def toctree(**options: Any) -> str:
        if not options.get("titles_only"):
            return every_toctree(**options)
        whole, env.tocs = env.tocs, SHORT  # type: ignore[assignment]
        try:
            return every_toctree(**options)
        finally:
            env.tocs = whole

    context["toctree"] = toctree


def setup(app: Sphinx) -> None:
    """Connect the hooks."""
    # before the theme asks for the list
    app.connect("html-page-context", list_pages_fast, priority=400)

    # napoleon reads "type: description" into the docstring of a constant: put back what was there
    originals: dict[str, list[str]] = {}

    def remember(_app: Sphinx, what: str, name: str, _obj: object, _options: object, lines: list[str]) -> None:
        if what == "data":
            originals[name] = list(lines)

    def restore(_app: Sphinx, _what: str, name: str, _obj: object, _options: object, lines: list[str]) -> None:
        if name in originals:
            lines[:] = originals[name]

    app.connect("source-read", complete_reference)
    app.connect("autodoc-process-docstring", remember, priority=400)
    app.connect("autodoc-process-docstring", restore, priority=600)
