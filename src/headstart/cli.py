"""The command line: thin. Every command reads files, calls the library, and writes files or text.

Imports happen inside the commands, so that ``headstart --help`` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from headstart.errors import HeadstartError, InputError

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
importing = typer.Typer(no_args_is_help=True, help="Turn other tools' results into a trajectories file.")
app.add_typer(importing, name="import")

Trajectories = Annotated[
    str, typer.Argument(metavar="TRAJECTORIES", help="CSV, TSV, Parquet or JSON lines; - for CSV on standard input.")
]
ContestFile = Annotated[
    str, typer.Argument(metavar="CONTEST", help="Contest file, TOML or JSON; - for standard input.")
]
Benchmark = Annotated[str | None, typer.Option(help="Which benchmark, where the file holds several.")]
ScoreRange = Annotated[
    str | None, typer.Option(metavar="LOW:HIGH", help="Range of the scores, where it is not 0:1, such as 0:100.")
]
CostPerStep = Annotated[float | None, typer.Option(help="Cost of one tuning step, the same for every model.")]
CostUnit = Annotated[str | None, typer.Option(help="Unit of costs and rewards, such as USD or GPU-hours.")]
OnForgetting = Annotated[
    str,
    typer.Option(
        metavar="keep|exclude|peak",
        help="Models whose score falls with tuning: keep all points, exclude the model, or hold its peak.",
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of the plausible worlds behind the intervals.")]
JsonOut = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - for standard output.")
]
HtmlOut = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page that works offline.")]


def main() -> None:
    """Run the command line; exit 0 done, 2 bad input or usage, 3 not completed, 130 interrupted."""
    try:
        status = app(standalone_mode=False)
    except HeadstartError as error:
        print(f"headstart: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except (KeyboardInterrupt, typer.Abort):
        print("headstart: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        _usage_error(error)
        raise
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


@app.command()
def audit(
    trajectories: Trajectories,
    benchmark: Benchmark = None,
    levels: Annotated[
        str | None,
        typer.Option(metavar="0,100,1000", help="Tune-before-test levels to report; by default the measured steps."),
    ] = None,
    rewards: Annotated[
        str | None,
        typer.Option(help="What ranks are worth: winner:V, top:K:V, linear:V or geometric:RATIO:V, in cost units."),
    ] = None,
    cost_per_step: CostPerStep = None,
    cost_unit: CostUnit = None,
    score_range: ScoreRange = None,
    on_forgetting: OnForgetting = "keep",
    backtest: Annotated[
        float,
        typer.Option(
            metavar="FRACTION", help="Share of the checkpoints, the earliest, that predict the later ones; 0 for none."
        ),
    ] = 0.6,
    draws: Annotated[int, typer.Option(help="Plausible worlds behind every interval.")] = 200,
    seed: Seed = 0,
    json: JsonOut = None,
    html: HtmlOut = None,
    contest: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the fitted contest, for `headstart solve`.")
    ] = None,
) -> None:
    """Audit a benchmark: what every rank costs to take, whether gaming pays, and the level that stops it.

    Example: `headstart audit results.csv --html audit.html`

    Example: `headstart audit results.csv --rewards top:3:5000 --cost-per-step 0.02 --cost-unit USD --json -`
    """
    from headstart.formats import read_trajectories, require_auditable, write_contest
    from headstart.report.audit import audit as run_audit
    from headstart.report.audit import fitted_contest

    data = read_trajectories(
        trajectories,
        benchmark=benchmark,
        score_range=_range(score_range),
        cost_per_step=cost_per_step,
        cost_unit=cost_unit,
    )
    require_auditable(data)
    if not 0 <= backtest < 1:
        raise InputError(f"--backtest must be a fraction in [0, 1), got {backtest:g}")
    with _progress() as progress:
        found = run_audit(
            data, source=Path(trajectories).name, levels=_levels(levels), rewards=rewards,
            on_forgetting=_choice(on_forgetting), backtest_fraction=backtest or None, draws=draws, seed=seed,
            progress=progress,
        )  # fmt: skip
    _publish_audit(found, json=json, html=html)
    if contest is not None:
        write_contest(fitted_contest(found.fit, found.rewards), contest)
        _tell(f"wrote {contest}")


@app.command()
def demo(
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Where to write the page.")] = Path(
        "headstart-demo.html"
    ),
) -> None:
    """Audit the packaged example: real language models, measured while they were tuned on a real task.

    Example: `headstart demo --html demo.html`
    """
    from headstart._resources import example_path
    from headstart.formats import read_trajectories
    from headstart.report.audit import audit as run_audit

    source = example_path("city/trajectories.csv")
    with _progress() as progress:
        found = run_audit(read_trajectories(source), source="examples/city/trajectories.csv", progress=progress)
    _publish_audit(found, json=None, html=html)
    _tell("The same for your own results: headstart audit results.csv --html audit.html")


@app.command()
def fit(
    trajectories: Trajectories,
    benchmark: Benchmark = None,
    score_range: ScoreRange = None,
    on_forgetting: OnForgetting = "keep",
    seed: Seed = 0,
    json: JsonOut = None,
) -> None:
    """Fit a score curve to every model and show how far each can be trusted.

    Example: `headstart fit results.csv --json fits.json`
    """
    from headstart.calibrate.fit import fit as run_fit
    from headstart.formats import envelope, read_trajectories, write_json
    from headstart.report.fits import fit_document, print_fit

    data = read_trajectories(trajectories, benchmark=benchmark, score_range=_range(score_range))
    found = run_fit(data, on_forgetting=_choice(on_forgetting), seed=seed)
    if json != "-":
        print_fit(found)
    if json is not None:
        write_json(json, envelope("headstart.fit/1") | fit_document(found))


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
) -> None:
    """Collect lm-evaluation-harness results of several checkpoints into one trajectories file.

    Example: `headstart import lm-eval results/ --layout "{model}/step_{step}/{task}.json" -o results.csv`
    """
    from headstart.formats import import_lm_eval as run_import
    from headstart.formats import write_trajectories
    from headstart.report.fits import print_import

    found = run_import(folder, layout, metric=metric, tasks=task, newest=newest)
    write_trajectories(found.rows, output)
    print_import(found.summary)
    _tell(f"wrote {output}")


@app.command()
def solve(
    contest: ContestFile,
    mixed: Annotated[
        bool | None,
        typer.Option(
            "--mixed/--no-mixed", help="Compute a mixed equilibrium; by default only where no pure one exists."
        ),
    ] = None,
    all_pairs: Annotated[bool, typer.Option("--all-pairs", help="Price every pair, not only neighbours.")] = False,
    tolerance: Annotated[float, typer.Option(help="Exploitability to reach, as a share of the stakes.")] = 5e-3,
    seed: Seed = 0,
    json: JsonOut = None,
) -> int:
    """Solve a contest: pure equilibrium with its proof, prices of ranks, stabilising level, mixed equilibrium.

    Example: `headstart solve contest.toml`

    Example: `headstart solve contest.toml --mixed --all-pairs --json -`
    """
    from headstart.formats import contest_from_document, envelope, read_document, write_json
    from headstart.report.solution import SCHEMA, solution_document
    from headstart.report.solution_text import print_solution

    document = read_document(contest)
    game = contest_from_document(document, source=contest)
    with _progress() as progress:
        found = solution_document(
            game, document, all_pairs=all_pairs, mixed=mixed, tolerance=tolerance, seed=seed, progress=progress
        )
    if json != "-":
        print_solution(found)
    if json is not None:
        write_json(json, envelope(SCHEMA) | found)
    if found["mixed"] and found["mixed"]["status"] != "converged":
        _tell("the mixed equilibrium did not converge: its measured exploitability stands beside it")
        return 3
    return 0


@app.command()
def certify(
    contest: ContestFile,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Proof file; - for standard output.")],
) -> None:
    """Prove the verdict, the prices and the stabilising level of a contest, and write the proof.

    Example: `headstart certify contest.toml -o proof.json`
    """
    from headstart.formats import read_document, write_json
    from headstart.formats.atomic import JsonValue
    from headstart.solve.certificate import verify as check
    from headstart.solve.prove import prove

    proof = prove(read_document(contest))
    write_json(output, cast("JsonValue", proof))
    for claim in check(proof).claims:
        _tell(f"proved: {claim}")


@app.command()
def verify(
    proof: Annotated[str, typer.Argument(metavar="PROOF", help="Proof file written by certify; - for standard input.")],
) -> None:
    """Check a proof with code that shares nothing with the solver.

    Example: `headstart verify proof.json`
    """
    from headstart.formats import read_json
    from headstart.solve.certificate import verify as check

    found = check(read_json(proof))
    if not found.ok:
        raise InputError(f"the proof is refused: {found.reason}", file=proof)
    for claim in found.claims:
        typer.echo(f"verified: {claim}")


def _publish_audit(found: Any, *, json: str | None, html: Path | None) -> None:
    from headstart.formats import write_json
    from headstart.report.export import audit_document

    if json != "-":
        from headstart.report.terminal import print_audit

        print_audit(found)
    if json is not None:
        write_json(json, audit_document(found))
    if html is not None:
        from headstart.report.page import write_page

        write_page(found, html)
        _tell(f"wrote {html}")


def _tell(message: str) -> None:
    """A word on what was done; on standard error, so that output can be piped."""
    typer.echo(message, err=True)


def _levels(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--levels must be numbers separated by commas, got {text!r}") from None


def _range(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise InputError(f"--score-range must be LOW:HIGH, got {text!r}") from None


def _choice(text: str) -> Any:
    if text not in ("keep", "exclude", "peak"):
        raise InputError(f"--on-forgetting must be keep, exclude or peak, got {text!r}")
    return text


def _progress() -> Any:
    from headstart.report.progress import progress_bar

    return progress_bar()
