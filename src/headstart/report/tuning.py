"""Dry runs and runs of a tuning plan, as text."""

from __future__ import annotations

from typing import get_args

from rich.console import Console
from rich.table import Table

from headstart.report.console import stdout
from headstart.tune.dry_run import DryRun
from headstart.tune.forecast import CellMemory, Forecast, Measured
from headstart.tune.plan import Cell, Plan
from headstart.tune.prepare import Prepared
from headstart.tune.run_report import RunReport
from headstart.tune.status import RunStatus, State


def print_dry_run(found: DryRun) -> None:
    """What would run, on what, what it would cost, and what is missing."""
    console, plan = stdout(), found.plan
    console.print(_grid(plan))
    if found.ended:
        console.print(f"{found.folder.path} holds {len(found.ended)} cells that have ended; {len(found.left)} are left")
    if found.prepared is not None:
        _print_facts(console, found.prepared, found.workers)
    if len(found.machines) > 1:
        console.print(f"{len(found.machines)} machines see the run folder, the models and the tasks")
    for line in found.missing:
        console.print(f"missing: {line}")
    if found.forecast is not None:
        _print_measured(console, found.forecast, found.plan.cells())
        print_memory(console, found.forecast)
    _print_bill(console, found)
    console.print("nothing was written", style="dim")


def print_run(report: RunReport) -> None:
    """How the cells ended, the bill beside its forecast, and where the results are."""
    console, plan = stdout(), report.prepared.plan
    table = Table(title=f"Cells of {plan.name}", box=None, pad_edge=False)
    for name in ("cell", "outcome"):
        table.add_column(name)
    table.add_column("took", justify="right")
    table.add_column("forecast", justify="right")
    table.add_column("why")
    for cell in report.cells:
        table.add_row(
            cell.cell.id,
            cell.outcome or "failed",
            duration(cell.device_seconds),
            duration(cell.forecast_seconds),
            cell.reason or "",
        )
    console.print(table)
    if report.compared is not None:
        forecast, measured = report.compared
        console.print(
            f"{bill_text(plan, measured, report.prepared.hardware.device)} on the devices, "
            f"{bill_text(plan, forecast, report.prepared.hardware.device)} were forecast"
            + (f" ({measured / forecast - 1:+.0%})" if forecast > 0 else "")
        )
    for model in plan.untunable:
        console.print(f"{model.name}: untunable, carried through with its supplied scores")
    if plan.selection is not None:
        console.print(f"what was chosen on validation items, and among what: {report.folder.selection_path}")
    console.print(f"wrote {report.folder.trajectories_path}")
    unit = f"{_device(report.prepared.hardware.device)}-seconds" if plan.price_per_gpu_hour is None else plan.currency
    console.print(f"Next: headstart audit {report.folder.trajectories_path} --cost-unit {unit} --html audit.html")


def print_status(status: RunStatus) -> None:
    """Where every cell is, what failed, and what is left to pay."""
    console = stdout()
    table = Table(title=f"Cells of {status.plan}", box=None, pad_edge=False)
    for name in ("cell", "state"):
        table.add_column(name)
    for name in ("step", "took", "left"):
        table.add_column(name, justify="right")
    table.add_column("")
    for cell in status.cells:
        words = cell.reason or ""
        if cell.state == "running":
            words = f"{cell.phase}, last word {duration(cell.idle_seconds)} ago"
        table.add_row(
            cell.cell,
            cell.outcome or cell.state,
            f"{cell.step or 0} of {cell.steps}",
            duration(cell.device_seconds),
            duration(cell.seconds_left),
            words,
        )
    console.print(table)
    counted = ", ".join(f"{status.count(state)} {state}" for state in get_args(State) if status.count(state))
    console.print(f"{len(status.cells)} cells: {counted}")
    if status.runner:
        console.print(f"run by {status.runner}")
    elif status.count("ended") < len(status.cells):
        console.print("nobody runs it; the same command continues it")
    left = status.device_seconds_left
    if left is None:
        console.print("the remaining bill is not known: not every cell could be forecast")
    elif status.count("ended") < len(status.cells):
        cost = "" if status.cost_left is None else f" = {status.cost_left:.2f} {status.currency}"
        console.print(f"the remaining bill: {left / 3600:.3g} device-hours{cost}")


def duration(seconds: float | None) -> str:
    """Seconds in the unit a person would use; a dash where there are none."""
    if seconds is None:
        return "-"
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (float("inf"), 3600, "h")):
        if seconds < limit:
            number = seconds / size
            return f"{number:.2g} {unit}" if number < 10 else f"{number:.0f} {unit}"
    return "-"


def _device(device: str) -> str:
    return "GPU" if device == "cuda" else device.upper()


def bill_text(plan: Plan, device_seconds: float, device: str) -> str:
    """Hours on a device, and what they cost where the plan says so."""
    hours = device_seconds / 3600
    text = f"{hours:.3g} {_device(device)}-hours"
    return (
        text if plan.price_per_gpu_hour is None else f"{text} = {hours * plan.price_per_gpu_hour:.2f} {plan.currency}"
    )


def _grid(plan: Plan) -> str:
    sizes = {"model": plan.models, "task": plan.tasks, "recipe": plan.recipes, "seed": plan.seeds}
    factors = " x ".join(f"{len(entries)} {name}{'s' * (len(entries) != 1)}" for name, entries in sizes.items())
    points, unit = (plan.levels, "steps") if plan.epochs is None else (plan.epochs, "epochs")
    after = ", ".join(f"{one:g}" for one in points)
    text = f"{plan.name}: {len(plan.cells())} cells = {factors}, scored after {after} {unit}"
    if plan.selection is not None:
        text += f"; the {plan.selection.checkpoint} checkpoint is chosen on validation items"
    return text + (f"; {len(plan.untunable)} untunable models with supplied scores" if plan.untunable else "")


def _print_facts(console: Console, prepared: Prepared, workers: int | None) -> None:
    hardware = prepared.hardware
    cells = f"{workers} cell{'s' * (workers != 1)}"
    threads = f"{hardware.threads} thread{'s' * (hardware.threads != 1)}"
    console.print(f"on {hardware.device} ({hardware.name}), {cells} at a time, {threads} each")
    for task, overlap in zip(prepared.tasks, prepared.overlaps, strict=True):
        test = overlap.test
        console.print(
            f"{task.name}: {len(task.train)} train and {len(task.test)} test items; {test.normalised} test items "
            f"({test.share:.1%}) stand in the train split too, {test.exact} to the letter"
        )
        for note in task.notes:
            console.print(f"{task.name}: {note}")
    for entry in prepared.truncated:
        if entry.train.truncated or entry.test.truncated:
            console.print(
                f"{entry.model}, {entry.task}, {entry.recipe}: {entry.train.truncated} of {entry.train.items} train "
                f"and {entry.test.truncated} of {entry.test.items} test items lose their first tokens"
            )


def _print_measured(console: Console, forecast: Forecast, cells: tuple[Cell, ...]) -> None:
    table = Table(title="Measured on the device", box=None, pad_edge=False)
    for name in ("model", "task", "recipe"):
        table.add_column(name)
    for name in ("load", "step", "evaluation", "cell", "memory", "state"):
        table.add_column(name, justify="right")
    one = {(cell.model.name, cell.task.name, cell.recipe.name): cell for cell in cells}
    for entry in forecast.measured:
        table.add_row(
            entry.model, entry.task, entry.recipe, duration(entry.load_seconds), f"{entry.step_seconds:.3g} s",
            duration(entry.evaluation_seconds), duration(forecast.seconds(one[entry.key])),
            _size(entry.peak_memory_bytes), _size(entry.state_bytes),
        )  # fmt: skip
    console.print(table)
    for absent in forecast.unmeasured:
        console.print(f"no forecast for {absent.model}, {absent.task}, {absent.recipe}: {absent.reason}")


def print_memory(console: Console, forecast: Forecast) -> None:
    """What every model, task and recipe needs of the memory there is, and what to change where it is too much."""
    peaks = {entry.key: entry for entry in forecast.measured}
    lines: dict[str, list[CellMemory]] = {}
    for entry in forecast.memory:  # contestants made from one model need the same
        lines.setdefault(_memory_line(entry, peaks.get(entry.key)), []).append(entry)
    for line, entries in lines.items():
        names = [f"{one.model}, {one.task}, {one.recipe}" for one in entries]
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        console.print(f"{names[0]}{more}: {line}")
        first = entries[0]
        if first.tight:
            console.print("  it may run out of memory; one of these in the plan needs less:", style="bold")
            for change in first.advice:
                console.print(f"  {change}")


def _memory_line(entry: CellMemory, measured: Measured | None) -> str:
    if entry.needed_bytes is None:
        return f"its memory could not be forecast ({entry.reason})"
    room = "" if entry.available_bytes is None else f" of {_size(entry.available_bytes)}"
    share = "" if entry.share is None else f" ({entry.share:.0%})"
    text = f"needs at most about {_size(entry.needed_bytes)}{room}{share}"
    if measured is not None and measured.peak_memory_bytes is not None:
        text += f"; {_size(measured.peak_memory_bytes)} were measured"
        if measured.micro_batch is not None:
            text += f" with {measured.micro_batch} item{'s' * (measured.micro_batch != 1)} a pass"
    return text


def _print_bill(console: Console, found: DryRun) -> None:
    seconds, forecast = found.device_seconds, found.forecast
    if seconds is None or forecast is None or found.prepared is None or found.workers is None:
        console.print("no bill: not every cell could be measured")
        return
    console.print(f"the bill: {bill_text(found.plan, seconds, found.prepared.hardware.device)}")
    left, workers = found.left, found.workers
    wall = duration(forecast.wall_seconds(left, workers=workers))
    console.print(f"about {wall} for the {len(left)} cells that are left, if each worker has its device to itself")


def _size(number: int | None) -> str:
    return "-" if number is None else f"{number / 1e9:.1f} GB" if number >= 1e8 else f"{number / 1e6:.1f} MB"
