"""Tables in Markdown as people write them: footnotes, percentages, code, comments, and lines meant to be slow."""

import pytest

from headstart.data.markdown_table import read_markdown_table
from headstart.io.markdown_tables import read_markdown_tables
from headstart.io.text import shown_number

HEAD = "| model | law |\n|---|---|\n"


def cells(*given: str) -> list[object]:
    text = HEAD + "".join(f"| m{at} | {cell} |\n" for at, cell in enumerate(given))
    return [row["law"] for _, row in read_markdown_table(text.encode(), "R.md").rows]


def tables(text: str) -> list[tuple[object, ...]]:
    """The first column of every table."""
    return [
        tuple(next(iter(row.values())) for _, row in table.rows)
        for _, table in read_markdown_tables(text.encode(), "R.md")
    ]


@pytest.mark.parametrize(
    "cell", ["71.5<sup>1</sup>", "71.5<br>70", "71.5[1](#note)", "71.5<a href='#n'>1</a>", "71.5[^1]", "71.5\\*"]
)
def test_a_footnote_or_a_second_line_is_no_digit(cell: str) -> None:
    (found,) = cells(cell)
    assert isinstance(found, str) and shown_number(found) is None
    assert not found.startswith(("71.51", "71.570"))


def test_emphasis_and_errors_leave_the_number() -> None:
    assert (
        cells("<b>0.5</b>", "**[0.5](x)**", "<b>`0.5`</b>", "0.5<sub>±0.4</sub>", "0.5<sub> ± 0.4</sub> ")
        == ["0.5"] * 5
    )
    assert cells("[![badge](https://x/y.svg)](https://x)", "1 < 2 > 0") == ["badge", "1 < 2 > 0"]


def test_a_column_is_in_percentages_or_is_not() -> None:
    assert cells("71.5%", "70 ± 0.4 %", "—", "n/a") == ["71.5", "70", "—", "n/a"]
    text = HEAD + "| a | 71.5% |\n| b | - |\n| c | 0.705 |\n| d | 71% |\n"
    (problem,) = read_markdown_table(text.encode(), "R.md").problems
    must = "must all be percentages or none, got '0.705' beside '71.5%'"
    assert str(problem) == f"R.md, row 5, field law: {must}"
    (_, row), *_ = read_markdown_table(b"|model|a|b|\n|-|-|-|\n|m|1|2%|\n", "R.md").rows
    assert row == {"model": "m", "a": "1", "b": "2"}


def test_names_of_models_are_not_read_as_numbers() -> None:
    text = "| system | Model |\n|---|---|\n| 95% | 0.705 |\n| 3 +- x | 71.5 |\n"
    rows = [row for _, row in read_markdown_table(text.encode(), "R.md", model="System").rows]
    assert [row["system"] for row in rows] == ["95%", "3 +- x"]
    assert [row["Model"] for row in rows] == ["0.705", "71.5"]


def test_columns_have_distinct_names() -> None:
    text = "\n| model | law | law | | |\n|---|---|---|---|---|\n| a | 1 | 2 | | |\n"
    ((_, table),) = read_markdown_tables(text.encode(), "R.md")
    (problem,) = table.problems
    assert str(problem) == "R.md, row 2: columns must have distinct names, got 'law' twice"


@pytest.mark.parametrize(
    "line",
    [
        " " * 60_000 + "-x",
        "|" + " " * 60_000 + "-" + " " * 60_000 + "x",
        "-|" * 30_000 + "x",
        "| " + "[" * 60_000,
        "| " + "[x](" * 15_000,
        "| " + "![" * 30_000 + "](x)" * 15_000,
        "| " + "<a" * 30_000,
        "| " + "<!--" * 15_000,
        "| <!-- --> " * 8_000,
        "| " + "*" * 60_000,
        "| " + "1" * 60_000 + "x",
        "| 1" + " " * 60_000 + "x",
        "`" * 60_000 + "x`",
    ],
)
def test_long_hostile_lines_are_read_in_time(line: str) -> None:
    text = f"| a | b |\n{line}\n\n{HEAD}{line}\n| m | 1 |\n"
    assert read_markdown_tables(text.encode(), "R.md")
    assert shown_number(line.strip("| ")) is None


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("```x``` is a word\n", [("m",)]),
        ("```\n~~~\n```\n", [("m",)]),
        ("```\n~~~\n", []),
        ("````\n```\n", []),
        ("```\n``` x\n", []),
        ("```\n    ```\n", []),
        ("~~~ a`b\n~~~~  \n", [("m",)]),
        ("1. Run\n\n    ```sh\n    | x |\n    |---|\n    ```\n", [("m",)]),
        ("```\n<!--\n```\n", [("m",)]),
        ("<!-- ``` -->\n", [("m",)]),
        ("<!--\n```\n-->\n", [("m",)]),
        ("<!--\n| old |\n|---|\n| x |\n-->\n", [("m",)]),
        ("<!--\n", []),
        ("Opened as `<!--` only\n\n", [("m",)]),
    ],
)
def test_tables_in_code_and_comments_do_not_count(before: str, expected: list[tuple[str, ...]]) -> None:
    assert tables(f"{before}{HEAD}| m | 1 |\n") == expected


def test_rows_in_a_comment_are_left_out_and_the_table_goes_on() -> None:
    text = f"# Board <!-- omit in toc -->\n\n{HEAD}| m | 1 |\n<!-- | n | 2 | -->\n| o<!-- | --> | 3 |\n"
    text += f"<!-- -->\n{HEAD}| p | 4 |\n"
    assert tables(text) == [("m", "o"), ("p",)]
    (heading, table), _ = read_markdown_tables(text.encode(), "R.md")
    assert heading == "Board" and [number for number, _ in table.rows] == [5, 7]
