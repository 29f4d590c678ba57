"""The command line: thin. Every command reads files, calls the library, and writes files or text.

Imports of the library happen inside the commands, so that ``headstart --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from headstart.cli import boards, contests, designs, files, measurements, rankings, suites, tuning
from headstart.errors import HeadstartError, Terminated

app = typer.Typer(
    name="headstart",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Does gaming your benchmark pay, and how much identical tuning before testing makes honesty the only "
        "equilibrium?"
        "\n\nStart with `headstart demo`, then `headstart audit results.csv --html audit.html`."
    ),
)
for command in (measurements.audit, measurements.demo, measurements.fit):
    app.command()(command)
measurements.importing.command("results")(files.import_results)
measurements.importing.command("list")(files.list_readers)
app.add_typer(measurements.importing, name="import")
app.command()(suites.suite)
app.command()(designs.design)
for command in (rankings.check, rankings.variants):
    app.command()(command)
app.command()(tuning.tune)
app.add_typer(boards.board, name="board")
for command in (contests.solve, contests.certify, contests.verify, contests.simulate, contests.catalog):
    app.command()(command)
contests.exporting.command("results")(files.export_results)
app.add_typer(contests.exporting, name="export")


def main() -> None:
    """Run the command line.

    Exit 0 done, 1 ranking not supported, 2 bad input, 3 not completed, 130 interrupted, 143 terminated.
    """
    try:
        status = app(standalone_mode=False)
    except HeadstartError as error:
        print(f"headstart: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except (KeyboardInterrupt, typer.Abort):
        print("headstart: interrupted", file=sys.stderr)
        sys.exit(130)
    except Terminated:
        print("headstart: terminated", file=sys.stderr)
        sys.exit(143)
    except (BrokenPipeError, SystemExit):  # the reader of our output has gone, as with `| head`; rich says the second
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left must not fail on the way out
        sys.exit(0)
    except Exception as error:
        _usage_error(error)
        raise
    if status == 130:  # newer option parsers catch the interrupt themselves, without a word
        print("headstart: interrupted", file=sys.stderr)
    sys.exit(status if isinstance(status, int) else 0)


def _usage_error(error: Exception) -> None:
    """Show a mistake in the command line as the option parser words it, and exit 2."""
    show = getattr(error, "show", None)
    if show is not None:
        show()
        sys.exit(2)


def _version(value: bool) -> None:
    if value:
        from headstart import __version__

        typer.echo(f"headstart {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before any command."""
