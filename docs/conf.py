"""Settings of the documentation; built with warnings as errors (`make docs`)."""

import os

from sphinx.application import Sphinx

import headstart

project = "headstart"
author = "The headstart authors"
project_copyright = "2026, the headstart authors"
version = release = headstart.__version__

extensions = [
    "myst_parser",
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
    # type variables and private bases are not documented
    (r"py:class", r"headstart\..*\.(_\w+|[A-Z])"),
]

# as wide as a page; tables of the commands are cut to it
os.environ["COLUMNS"] = "110"

html_theme = "furo"
html_title = f"headstart {release}"


def setup(app: Sphinx) -> None:
    """Keep napoleon from reading "type: description" into the docstring of a constant."""
    originals: dict[str, list[str]] = {}

    def remember(_app: Sphinx, what: str, name: str, _obj: object, _options: object, lines: list[str]) -> None:
        if what == "data":
            originals[name] = list(lines)

    def restore(_app: Sphinx, _what: str, name: str, _obj: object, _options: object, lines: list[str]) -> None:
        if name in originals:
            lines[:] = originals[name]

    app.connect("autodoc-process-docstring", remember, priority=400)
    app.connect("autodoc-process-docstring", restore, priority=600)
