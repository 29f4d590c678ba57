"""Every command explains itself, on the command line and in the documentation."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from headstart.cli import app

DOCS = Path(__file__).parents[2] / "docs"


def commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(command, TyperGroup):
        for name, child in sorted(command.commands.items()):
            yield from commands(child, (*path, name))
    elif isinstance(command, TyperCommand):
        yield " ".join(path), command


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_there_are_commands() -> None:
    assert {"audit", "demo", "solve"} <= COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_the_command_does_and_shows_an_example(name: str) -> None:
    text = COMMANDS[name].help or ""
    assert len(text.split("\n\n")[0].split()) >= 4, "the first paragraph says what the command does"
    assert f"headstart {name}" in text, "an example that can be typed"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_is_explained(name: str) -> None:
    silent = [
        parameter.name
        for parameter in COMMANDS[name].params
        if parameter.name != "help" and not getattr(parameter, "help", None)
    ]
    assert silent == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_describes_the_command_and_all_its_options(name: str) -> None:
    reference = (DOCS / "reference" / "cli.md").read_text()
    heading = f"\n## `headstart {name}`\n"
    assert heading in reference
    section = reference.split(heading)[1].split("\n## ")[0]
    options = [flag for p in COMMANDS[name].params if p.name != "help" for flag in p.opts if flag.startswith("--")]
    assert [flag for flag in options if f"`{flag}" not in section] == []
