"""Tables in Markdown files, as leaderboards publish them in a README."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence

from headstart.errors import InputError
from headstart.io.table import Cell, Table
from headstart.io.text import decode

_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_TAG = re.compile(r"<[^>]*>")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]<>()#|~+.!-])")
_MARKED = re.compile(r"^(\*\*|__|`|\*|_|~~)(.+)\1$")


def is_markdown(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name says that it is Markdown."""
    return os.fspath(path).lower().endswith((".md", ".markdown"))


def read_markdown_tables(data: bytes, source: str) -> tuple[tuple[str, Table], ...]:
    r"""Every table of a Markdown file with the heading above it; code blocks do not count.

    Cells lose their emphasis, the targets of their links and their HTML tags. Rows are lines of the file.

    Args:
        data: UTF-8 text.
        source: What to call the file in messages.

    Raises:
        InputError: If it is no text. Rows of another length than the header are problems of their table.

    >>> text = b"# Results\n\n| rank | model |\n| --- | --- |\n| 1 | **[a](x)** |\n"
    >>> [(heading, table.rows) for heading, table in read_markdown_tables(text, "README.md")]
    [('Results', ((5, {'rank': '1', 'model': 'a'}),))]
    """
    lines = decode(data, source).splitlines()
    found: list[tuple[str, Table]] = []
    heading, fenced, at = "", False, 0
    while at < len(lines):
        line = lines[at]
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced and line.startswith("#"):
            heading = _plain(line.lstrip("#"))
        elif not fenced and "|" in line and at + 1 < len(lines) and "-" in lines[at + 1] and _RULE.match(lines[at + 1]):
            end = at + 2
            while end < len(lines) and "|" in lines[end]:
                end += 1
            found.append((heading, _table(lines, at, end, source)))
            at = end
            continue
        at += 1
    return tuple(found)


def _table(lines: Sequence[str], start: int, end: int, source: str) -> Table:
    header = tuple(_cells(lines[start]))
    rows: list[tuple[int, Mapping[str, Cell]]] = []
    problems: list[InputError] = []
    for number, cells in _rows(lines, start + 2, end):
        if len(cells) > len(header):
            must = f"must have {len(header)} cells as the header has, got {len(cells)}"
            problems.append(InputError(must, file=source, row=number))
        else:  # cells that are left out at the end are empty, as Markdown has it
            filled = [*cells, *[""] * (len(header) - len(cells))]
            rows.append((number, {name: cell or None for name, cell in zip(header, filled, strict=True)}))
    return Table(source=source, text=True, columns=header, rows=tuple(rows), header=start + 1, problems=tuple(problems))


def _rows(lines: Sequence[str], start: int, end: int) -> Iterator[tuple[int, list[str]]]:
    for at in range(start, end):
        yield at + 1, _cells(lines[at])


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [_plain(cell) for cell in re.split(r"(?<!\\)\|", inner)]


def _plain(text: str) -> str:
    """What a reader of the rendered page sees."""
    shown = _TAG.sub("", _LINK.sub(r"\1", text)).strip()
    while marked := _MARKED.match(shown):
        shown = marked.group(2).strip()
    return _ESCAPED.sub(r"\1", shown)
