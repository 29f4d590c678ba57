"""How every page of this package is filled in: escaped, and with nothing left out unnoticed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jinja2


def html_templates(package: str, filters: Mapping[str, Callable[..., object]] | None = None) -> jinja2.Environment:
    """The templates in a package's folder ``templates``; values are escaped, and a name without a value is an error.

    Args:
        package: Name of the package, such as ``headstart.report``.
        filters: What templates may apply to values, by name.
    """
    found = jinja2.Environment(
        loader=jinja2.PackageLoader(package, "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(filters or {})
    return found
