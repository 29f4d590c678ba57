"""What the values of a plan must hold, in the words of this package's complaints."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.errors import InputError
from headstart.io.text import check_name, suggestion

_LONGEST_NAME = 64  # three of them make the name of a cell's folder, and file systems allow 255 bytes


def check_label(name: object, field: str) -> str:
    """``name`` itself when it can stand in a table, a terminal and, its odd characters replaced, a folder's name.

    Raises:
        InputError: If it is empty, longer than 64 characters, padded, or holds a path separator or an
            invisible character.
    """
    label = check_name(name, field)
    must(label.isprintable(), field, "free of invisible characters", label)
    must(not set(label) & {"/", "\\"}, field, "free of / and \\", label)
    must(label not in (".", ".."), field, "a name", label)
    must(len(label) <= _LONGEST_NAME, field, f"at most {_LONGEST_NAME} characters long", label)
    return label


def must(holds: bool, field: str, what: str, got: object) -> None:
    """Raise unless ``holds``: ``field`` must be ``what``."""
    if not holds:
        raise InputError(f"{field} must be {what}, got {got!r}", field=field)


def one_of(word: str, known: tuple[str, ...], field: str, when: str = "") -> None:
    """Raise unless ``word`` is one of ``known``, with the nearest of them."""
    if word not in known:
        raise InputError(
            f"{field} must be one of {', '.join(known)}{when}, got {word!r}{suggestion(word, known)}", field=field
        )


def unique(names: Sequence[object], field: str) -> None:
    """Raise if one of ``names`` occurs twice."""
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        raise InputError(f"names must be unique, got {twice[0]!r} twice", field=field)
