"""Tables in Markdown files, as leaderboards publish them in a README."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from headstart.errors import InputError
from headstart.io.table import Cell, Table
from headstart.io.text import decode

# Hostile lines are long: no two parts of an expression that follow each other may match the same characters.
_RULE = re.compile(r"^\s*(?:\|\s*)?:?-+:?\s*(?:\|\s*:?-+:?\s*)*(?:\|\s*)?$")
_LINK = re.compile(r"(\d?)!?\[([^\[\]]*)\]\([^()]*\)")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]<>()#|~+.!-])")
_MARKED = re.compile(r"^(\*\*|__|`|\*|_|~~)(.+)\1$")
_FENCE = re.compile(r"^(\s*)(`{3,}(?=[^`]*$)|~{3,})")

_NESTED = 6
"""Links in links and emphasis in emphasis that are taken off; pages nest two or three."""


def is_markdown(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name says that it is Markdown."""
    return os.fspath(path).lower().endswith((".md", ".markdown"))


def read_markdown_tables(data: bytes, source: str) -> tuple[tuple[str, Table], ...]:
    r"""Every table of a Markdown file with the heading above it; code blocks and comments do not count.

    Cells lose their emphasis and the targets of their links; an HTML tag in a cell is a blank. Rows are lines of the
    file.

    Args:
        data: UTF-8 text.
        source: What to call the file in messages.

    Raises:
        InputError: If it is no text. Rows of another length than the header are problems of their table.

    >>> text = b"# Results\n\n| rank | model |\n| --- | --- |\n| 1 | **[a](x)** |\n"
    >>> [(heading, table.rows) for heading, table in read_markdown_tables(text, "README.md")]
    [('Results', ((5, {'rank': '1', 'model': 'a'}),))]
    """
    lines = _shown(decode(data, source).splitlines())
    found: list[tuple[str, Table]] = []
    heading, at = "", 0
    while at < len(lines):
        line, below = lines[at] or "", lines[at + 1] if at + 1 < len(lines) else None
        if line.startswith("#"):
            heading = _plain(line.lstrip("#"))
        elif "|" in line and _is_rule(below):
            end = _end(lines, at + 2)
            found.append((heading, _table(lines, at, end, source)))
            at = end
            continue
        at += 1
    return tuple(found)


def _shown(lines: Sequence[str]) -> list[str | None]:
    """The lines without what is no table: a line of a code block is blank, one of a comment is None."""
    shown: list[str | None] = []
    fence: re.Match[str] | None = None
    commented = False
    for line in lines:
        if fence is not None:
            shown.append("")
            fence = None if _closes(line, fence) else fence
        elif commented or (line.startswith(("<!--", " <!--", "  <!--", "   <!--"))):
            shown.append(None)
            commented = "-->" not in line
        else:
            fence = _FENCE.match(line)
            shown.append("" if fence else _without_comments(line))
    return shown


def _is_rule(line: str | None) -> bool:
    return line is not None and "-" in line and _RULE.match(line) is not None


def _end(lines: Sequence[str | None], at: int) -> int:
    """The first line behind the rows that begin at a line; a comment between rows is none of them."""
    while at < len(lines):
        line = lines[at]
        begins_another = lines[at - 1] is None and at + 1 < len(lines) and _is_rule(lines[at + 1])
        if line is not None and ("|" not in line or begins_another):
            break
        at += 1
    return at


def _closes(line: str, fence: re.Match[str]) -> bool:
    """Whether a line ends a code block: the same character, at least as often, and nothing behind it."""
    marks = line.strip()
    indent = len(line) - len(line.lstrip())
    return (
        len(marks) >= len(fence.group(2))
        and marks == marks[0] * len(marks)
        and marks[0] == fence.group(2)[0]
        and indent <= max(3, len(fence.group(1)))  # code in a list is indented as its list is
    )


def _without_comments(line: str) -> str:
    parts: list[str] = []
    at = 0
    while (start := line.find("<!--", at)) >= 0 and (end := line.find("-->", start + 4)) >= 0:
        parts.append(line[at:start])
        at = end + 3
    return "".join([*parts, line[at:]])


def _table(lines: Sequence[str | None], start: int, end: int, source: str) -> Table:
    header = tuple(_cells(lines[start] or ""))
    rows: list[tuple[int, Mapping[str, Cell]]] = []
    problems: list[InputError] = []
    twice = next((name for name, count in Counter(header).items() if name and count > 1), None)
    if twice is not None:
        must = f"columns must have distinct names, got {twice!r} twice"
        problems.append(InputError(must, file=source, row=start + 1))
    for number, line in enumerate(lines[start + 2 : end], start + 3):
        if line is None:
            continue
        cells = _cells(line)
        if len(cells) > len(header):
            must = f"must have {len(header)} cells as the header has, got {len(cells)}"
            problems.append(InputError(must, file=source, row=number))
        else:  # cells that are left out at the end are empty, as Markdown has it
            filled = [*cells, *[""] * (len(header) - len(cells))]
            rows.append((number, {name: cell or None for name, cell in zip(header, filled, strict=True)}))
    return Table(source=source, text=True, columns=header, rows=tuple(rows), header=start + 1, problems=tuple(problems))


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [_plain(cell) for cell in re.split(r"(?<!\\)\|", inner)]


def _plain(text: str) -> str:
    """What a reader of the rendered page sees, but that a footnote behind a number stays apart from it."""
    shown = text
    for _ in range(_NESTED):
        shown = _LINK.sub(_linked, shown)
    shown = " ".join(_TAG.sub(" ", shown).split())
    for _ in range(_NESTED):
        if (marked := _MARKED.match(shown)) is None:
            break
        shown = marked.group(2).strip()
    return _ESCAPED.sub(r"\1", shown)


def _linked(link: re.Match[str]) -> str:
    before, text = link.groups()
    return f"{before} {text}" if before and text[:1].isdigit() else before + text
