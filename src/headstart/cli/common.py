"""What the commands share: their common options, how they are read, and how a command speaks."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.completion import (
    complete_benchmark,
    complete_columns,
    complete_forgetting,
    complete_reading,
    complete_rewards,
)
from headstart.errors import InputError

if TYPE_CHECKING:
    from headstart.fitting.sample import OnForgetting
    from headstart.progress import Progress

Trajectories = Annotated[
    str,
    typer.Argument(
        metavar="TRAJECTORIES",
        help="Table, results of a tool, or a folder of them (see headstart import list); - for standard input.",
    ),
]
ContestFile = Annotated[
    str, typer.Argument(metavar="CONTEST", help="Contest file, TOML or JSON; - for standard input.")
]
Benchmark = Annotated[
    str | None,
    typer.Option(help="Which benchmark, where the file holds several.", autocompletion=complete_benchmark),
]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD=COLUMN,...",
        help="The file's own names of columns, such as score=acc,model=name.",
        autocompletion=complete_columns,
    ),
]
Reading = Annotated[
    list[str] | None,
    typer.Option(
        "--read",
        metavar="KEY=VALUE",
        help="What the file does not say itself: metric, task, model, step, layout, reader, heading, newest=yes, "
        "flip=yes; may be given several times.",
        autocompletion=complete_reading,
    ),
]
ScoreRange = Annotated[
    str | None, typer.Option(metavar="LOW:HIGH", help="Range of the scores, where it is not 0:1, such as 0:100.")
]
CostPerStep = Annotated[float | None, typer.Option(help="Cost of one tuning step, the same for every model.")]
CostUnit = Annotated[str | None, typer.Option(help="Unit of costs and rewards, such as USD or GPU-hours.")]
OnForgettingOption = Annotated[
    str,
    typer.Option(
        metavar="keep|exclude|peak",
        help="Models whose score falls with tuning: keep all points, exclude the model, or hold its peak.",
        autocompletion=complete_forgetting,
    ),
]
Rewards = Annotated[
    str | None,
    typer.Option(
        help="What ranks are worth: winner:V, top:K:V, linear:V or geometric:RATIO:V, in cost units.",
        autocompletion=complete_rewards,
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the posterior draws behind the intervals.")]
JsonOut = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - for standard output.")
]
HtmlOut = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page that works offline.")]


def tell(message: str) -> None:
    """A word on what was done; on standard error, so that output can be piped."""
    typer.echo(message, err=True)


def check_outputs(*files: Path | None, json: str | None = None) -> None:
    """Refuse outputs that cannot be written before anything is computed, so that bad usage writes nothing."""
    if any(str(file) == "-" for file in files):
        raise InputError("only --json writes to standard output, got - as the name of another output")
    for file in (*files, None if json in (None, "-") else Path(json)):
        if file is None:
            continue
        try:
            is_folder, folder = file.is_dir(), file.resolve().parent
            in_folder = folder.is_dir()
        except OSError as error:  # a name that the system cannot look up at all
            raise InputError(f"cannot be written: {error.strerror}", file=str(file)) from None
        if is_folder:
            raise InputError("cannot be written: a folder of that name exists", file=str(file))
        if not in_folder:
            raise InputError(f"cannot be written: the folder {folder} does not exist", file=str(file))


def parse_levels(text: str | None) -> list[float] | None:
    """Levels separated by commas."""
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--levels must be numbers separated by commas, got {text!r}") from None


def parse_range(text: str | None) -> tuple[float, float] | None:
    """A range written LOW:HIGH."""
    if text is None:
        return None
    low, _, high = text.partition(":")
    try:
        bounds = float(low), float(high)
    except ValueError:
        raise InputError(f"--score-range must be LOW:HIGH, got {text!r}") from None
    if not -math.inf < bounds[0] < bounds[1] < math.inf:
        raise InputError(f"--score-range must be LOW:HIGH with finite LOW < HIGH, got {text!r}")
    return bounds


def parse_choice(text: str) -> OnForgetting:
    """What to do with models that forget."""
    if text == "keep" or text == "exclude" or text == "peak":
        return text
    raise InputError(f"--on-forgetting must be keep, exclude or peak, got {text!r}")


def progress_bar() -> AbstractContextManager[Progress]:
    """A progress bar on a terminal, silence elsewhere; imported only when a command runs."""
    from headstart.report.progress import progress_bar as bar

    return bar()
