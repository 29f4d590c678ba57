"""Where the examples and the catalogue lie that are shipped with the package."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def example_path(name: str) -> Path:
    """Return the path of one packaged example file or folder.

    In a checkout (or an editable installation of one) this is the file in ``examples/``, so that an edit
    shows at once; in an installed wheel it is the copy inside the package.

    Args:
        name: Path relative to ``examples/``, with forward slashes.

    Raises:
        FileNotFoundError: No such example; the message lists the ones there are.

    Example:
        >>> example_path("README.md").name
        'README.md'
    """
    checkout = _PACKAGE.parents[1]
    # An installed package has no pyproject.toml two levels up.
    root = checkout / "examples" if (checkout / "pyproject.toml").is_file() else _PACKAGE / "_examples"
    path = root / name
    if not path.exists():
        known = ", ".join(sorted(child.name for child in root.iterdir())) if root.is_dir() else "none"
        raise FileNotFoundError(f"name must be one of the packaged examples ({known}), got {name!r}")
    return path


def catalog_path() -> Path:
    """Return the folder of the catalogue of known contests, in a checkout or in an installed wheel."""
    checkout = _PACKAGE.parents[1]
    return checkout / "catalog" if (checkout / "pyproject.toml").is_file() else _PACKAGE / "_catalog"
