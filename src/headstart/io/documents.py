"""TOML and JSON documents, read with every number exactly as it is written."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import cast

from headstart.errors import InputError
from headstart.io.text import STDIN, decode, read_bytes

Document = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class ParsedDocument:
    """A document and what to call it in messages.

    Args:
        source: Name for messages.
        exact: The document; numbers are ``int`` or ``decimal.Decimal``.
        plain: The same with the nearest floats in place of decimals.
    """

    source: str
    exact: Document
    plain: Document


def parse_document(path: str | os.PathLike[str]) -> ParsedDocument:
    """Parse a ``.toml`` or ``.json`` file, or standard input (``"-"``) in either form.

    Raises:
        InputError: If the file cannot be read or is not such a document, with its row where the parser knows it; also
            if a number that is not 0 is too small for a float.
    """
    from_stdin = os.fspath(path) == STDIN
    source = "standard input" if from_stdin else os.fspath(path)
    suffix = "" if from_stdin else Path(path).suffix.lower()
    if not from_stdin and suffix not in (".toml", ".json"):
        raise InputError(f"the name must end in .toml or .json, got {suffix!r}", file=source)
    text = decode(read_bytes(path), source)
    if not text.strip():
        raise InputError("is empty", file=source)
    is_json = suffix == ".json" or (from_stdin and text.lstrip().startswith("{"))
    try:
        exact: object = parse_json(text, Decimal) if is_json else tomllib.loads(text, parse_float=Decimal)
        if not isinstance(exact, dict):
            raise InputError(f"must hold a JSON object, got {text.strip()[:40]!r}", file=source)
        return ParsedDocument(
            source=source, exact=cast("Document", exact), plain=cast("Document", _to_floats(cast("object", exact)))
        )
    except RecursionError:
        raise InputError("is nested too deeply", file=source) from None
    except InputError as error:
        raise error.located(file=source) from None
    except (ValueError, ArithmeticError) as error:  # also numbers with thousands of digits
        row = re.search(r"\bline (\d+)", str(error))
        raise InputError(
            f"is not well-formed {'JSON' if is_json else 'TOML'}: {error}",
            file=source,
            row=int(row.group(1)) if row else None,
        ) from None


def read_json(path: str | os.PathLike[str]) -> object:
    """Read a JSON file, or standard input (``"-"``).

    Raises:
        InputError: If the file cannot be read or is not well-formed JSON.
    """
    from_stdin = os.fspath(path) == STDIN
    source = "standard input" if from_stdin else os.fspath(path)
    return json_of(read_bytes(path), source)


def json_of(data: bytes, source: str, *, allow_nan: bool = False) -> object:
    """What the bytes of a JSON document say; ``source`` is what complaints name.

    Raises:
        InputError: If they are not text or not well-formed JSON.
    """
    try:
        return parse_json(decode(data, source), allow_nan=allow_nan)
    except RecursionError:
        raise InputError("is nested too deeply", file=source) from None
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"is not well-formed JSON: {error}", file=source) from None


def parse_json(text: str, parse_float: Callable[[str], object] = float, *, allow_nan: bool = False) -> object:
    """Parse JSON as the standard has it: no repeated keys and, unless asked for, no NaN or infinity.

    Raises:
        ValueError: If it is not such a text.
        RecursionError: If it is nested too deeply.
    """
    constants = float if allow_nan else _no_constants
    return json.loads(text, parse_float=parse_float, object_pairs_hook=_no_repeats, parse_constant=constants)


def _no_repeats(pairs: list[tuple[str, object]]) -> Document:
    document: Document = {}
    for key, value in pairs:
        if key in document:
            raise ValueError(f'the key "{key}" is repeated')
        document[key] = value
    return document


def _no_constants(word: str) -> object:
    raise ValueError(f"numbers must be finite, got {word}")


def _to_floats(value: object) -> object:
    if isinstance(value, Decimal):
        number = float(value)
        if number == 0 and value != 0:  # also guards exact code against numbers like 1e-999999999
            raise InputError(f"a number must be 0 or at least 5e-324 in size, got {value}")
        return number
    if isinstance(value, dict):
        return {key: _to_floats(item) for key, item in cast("Document", value).items()}
    if isinstance(value, list):
        return [_to_floats(item) for item in cast("list[object]", value)]
    return value
