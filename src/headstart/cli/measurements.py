"""Commands that start from measurements: audit, demo, fit, import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.common import (
    Benchmark,
    Columns,
    CostPerStep,
    CostUnit,
    HtmlOut,
    JsonOut,
    OnForgettingOption,
    Reading,
    Rewards,
    ScoreRange,
    Seed,
    Trajectories,
    check_outputs,
    parse_choice,
    parse_levels,
    progress_bar,
    tell,
)
from headstart.cli.reading import audit_two_columns, read_anything, read_curves
from headstart.errors import InputError

if TYPE_CHECKING:
    from headstart.auditing.values import Audit

importing = typer.Typer(no_args_is_help=True, help="Turn other tools' results into a trajectories file.")


def audit(
    trajectories: Trajectories,
    benchmark: Benchmark = None,
    columns: Columns = None,
    read: Reading = None,
    levels: Annotated[
        str | None,
        typer.Option(metavar="0,100,1000", help="Tune-before-test levels to report; by default the measured steps."),
    ] = None,
    rewards: Rewards = None,
    cost_per_step: CostPerStep = None,
    cost_unit: CostUnit = None,
    score_range: ScoreRange = None,
    on_forgetting: OnForgettingOption = "keep",
    backtest: Annotated[
        float,
        typer.Option(
            metavar="FRACTION", help="Share of the checkpoints, the earliest, that predict the later ones; 0 for none."
        ),
    ] = 0.6,
    tolerance: Annotated[
        float, typer.Option(help="Largest gain from gaming that counts as none, as a share of first prize.")
    ] = 0.01,
    confidence: Annotated[float, typer.Option(help="How sure it must be that a level is enough.")] = 0.95,
    draws: Annotated[int | None, typer.Option(help="Posterior draws behind every interval.")] = None,
    seed: Seed = 0,
    json: JsonOut = None,
    html: HtmlOut = None,
    contest: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the fitted contest, for `headstart solve`.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Print every model, the prices and all findings.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only what to do.")] = False,
) -> None:
    """Audit a benchmark: does gaming it pay, how much identical tuning ends that, and which ranks can be trusted.

    Example: `headstart audit results.csv --html audit.html`

    Example: `headstart audit results.csv --rewards top:3:5000 --cost-per-step 0.02 --cost-unit USD --json -`

    Example: `headstart audit leaderboard.csv --columns score=acc,model=name`

    A table of direct and tuned scores alone is compared: `headstart audit before-and-after.csv`
    """
    from headstart.auditing.audit import audit as run_audit
    from headstart.auditing.decision import Criteria
    from headstart.auditing.evidence import fitted_contest
    from headstart.auditing.notes import fitted_note
    from headstart.contest.contest_file import write_contest
    from headstart.data.two_columns import TwoColumns

    check_outputs(html, contest, json=json)
    if not 0 <= backtest < 1:
        raise InputError(f"--backtest must be a fraction in [0, 1), got {backtest:g}")
    data = read_anything(
        trajectories,
        benchmark=benchmark,
        columns=columns,
        reading=read,
        score_range=score_range,
        cost_per_step=cost_per_step,
        cost_unit=cost_unit,
    )
    if isinstance(data, TwoColumns):
        needs_curves = {"--levels": levels, "--rewards": rewards, "--contest": contest}
        audit_two_columns(data, trajectories, seed=seed, json=json, html=html, unused=needs_curves, quiet=quiet)
        return
    with progress_bar() as progress:
        found = run_audit(
            data, source=Path(trajectories).name, levels=parse_levels(levels), rewards=rewards,
            criteria=Criteria(tolerance=tolerance, confidence=confidence), on_forgetting=parse_choice(on_forgetting),
            backtest_fraction=backtest or None, draws=draws, seed=seed, progress=progress,
        )  # fmt: skip
    if contest is not None:  # first, because its name may be refused: then nothing is written
        note = fitted_note(found.source, found.fit, found.models, found.levels[0].level)
        write_contest(fitted_contest(found.fit, found.rewards), contest, note=note)
        tell(f"wrote {contest}")
    _publish_audit(found, json=json, html=html, full=full, quiet=quiet)


DEMO_REMARKS = (
    "This example is made of one model whose treatment is known. full is as published; drop-N lost N of its 30 layers; "
    "noise-S had Gaussian noise of S standard deviations added to its weights. The two names that end in benchmaxxed "
    "were also tuned on both tasks before they were submitted: they are the ones that gamed.",
)


def demo(
    benchmark: Annotated[str, typer.Option(help="Which of the two tasks: gloss or city.")] = "gloss",
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Where to write the page.")] = Path(
        "headstart-demo.html"
    ),
) -> None:
    """Audit the packaged example: real language models, measured while they were tuned on a real task.

    Example: `headstart demo --html demo.html`

    Example: `headstart demo --benchmark city`
    """
    from headstart._resources import example_path
    from headstart.auditing.audit import audit as run_audit
    from headstart.data.trajectory_files import read_trajectories

    check_outputs(html)
    source = example_path("ladder/trajectories.csv")
    data = read_trajectories(source, benchmark=benchmark, cost_unit="CPU-seconds")
    with progress_bar() as progress:
        found = run_audit(data, source="examples/ladder/trajectories.csv", remarks=DEMO_REMARKS, progress=progress)
    _publish_audit(found, json=None, html=html)
    tell("The same for your own results: headstart audit results.csv --html audit.html")


def fit(
    trajectories: Trajectories,
    benchmark: Benchmark = None,
    columns: Columns = None,
    read: Reading = None,
    score_range: ScoreRange = None,
    on_forgetting: OnForgettingOption = "keep",
    seed: Seed = 0,
    json: JsonOut = None,
) -> None:
    """Fit a score curve to every model and show how far each can be trusted.

    Example: `headstart fit results.csv --json fits.json`
    """
    from headstart.fitting.fit import fit as run_fit
    from headstart.io.atomic import envelope, write_json
    from headstart.report.fits import fit_document, print_fit

    check_outputs(json=json)
    data = read_curves(trajectories, benchmark=benchmark, columns=columns, reading=read, score_range=score_range)
    found = run_fit(data, on_forgetting=parse_choice(on_forgetting), seed=seed)
    if json is not None:
        write_json(json, envelope("headstart.fit/1") | fit_document(found))
    if json != "-":
        print_fit(found)


@importing.command("lm-eval")
def import_lm_eval(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the result files.")],
    layout: Annotated[
        str,
        typer.Option(help="Where model, step, task and seed stand in each path: {model}, {step}, {task}, {seed}, *."),
    ] = "{model}/step_{step}/{task}.json",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Trajectories file: .csv, .tsv, .jsonl or .parquet.")
    ] = Path("trajectories.csv"),
    metric: Annotated[str | None, typer.Option(help="Such as acc, acc_norm or exact_match,strict-match.")] = None,
    task: Annotated[list[str] | None, typer.Option(help="Task or group to read; may be given several times.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="Of several files for one cell take the newest.")] = False,
    step: Annotated[
        float | None, typer.Option(help="Step of every file, for a layout without {step}: 0 for models not tuned.")
    ] = None,
    merge: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Trajectories file whose rows are added; may be given several times."),
    ] = None,
) -> None:
    """Collect lm-evaluation-harness results of several checkpoints into one trajectories file.

    Example: `headstart import lm-eval results/ --layout "{model}/step_{step}/{task}.json" -o results.csv`

    Example: `headstart import lm-eval base/ --layout "{model}/*.json" --step 0 --merge results.csv -o results.csv`
    """
    from headstart.data.lm_eval import import_lm_eval as run_import
    from headstart.data.trajectory_files import read_rows, write_trajectories
    from headstart.report.fits import print_import

    before = [row for file in merge or [] for row in read_rows(file)]
    found = run_import(folder, layout, metric=metric, tasks=task, newest=newest, step=step, merge=before)
    write_trajectories(found.rows, output)
    print_import(found.summary)
    tell(f"wrote {output}")


def _publish_audit(
    found: Audit, *, json: str | None, html: Path | None, full: bool = False, quiet: bool = False
) -> None:
    from headstart.io.atomic import write_json
    from headstart.report.export import audit_document

    # The files first: whoever reads the text through `| head` closes the pipe before its end.
    if json is not None:
        write_json(json, audit_document(found))
    if html is not None:
        from headstart.report.page import write_page

        write_page(found, html)
        tell(f"wrote {html}")
    if json != "-":
        from headstart.report.terminal import print_audit, print_decision

        if quiet:
            print_decision(found)
        else:
            print_audit(found, full=full)
