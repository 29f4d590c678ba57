"""Export to Gambit: the contest on a grid of efforts as a normal-form game (``.nfg``, payoff version)."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray, require
from headstart.contest.contest import Contest
from headstart.errors import InputError
from headstart.io.atomic import write_text

MOST_PAYOFFS = 1_000_000
"""Payoffs in a file, developers times profiles: a game grows as levels to the power of developers."""


def write_nfg(contest: Contest, path: str | os.PathLike[str], *, levels: int | Sequence[ArrayLike] = 5) -> None:
    """Write the contest, each developer choosing among some efforts, as a normal-form game for Gambit.

    Payoffs are written with all their digits; strategies are named by their efforts. The contest's noise is left out.

    Args:
        contest: The contest.
        path: File to write, ``.nfg``.
        levels: Number of efforts per developer, evenly spaced from 0 to the largest useful one (its cap, or what costs
            first reward minus last); or the efforts themselves, one rising list per developer, in steps.

    Raises:
        InputError: If the game would have more than ``MOST_PAYOFFS`` payoffs, an effort is negative, above its cap or
            does not rise, a model's name has a backslash, or the file is not called ``.nfg`` or cannot be written.

    Source: Gambit's documentation of the ``.nfg`` file format, payoff version.
    """
    shown = os.fspath(path)
    if not shown.lower().endswith(".nfg"):
        raise InputError(f"the name must end in .nfg, got {shown!r}", file=shown)
    for name in contest.names:
        require("\\" not in name, "names", "free of backslashes (Gambit does not read them back)", name)
    efforts = _grid(contest, levels)
    payoffs = contest.n * float(np.prod([float(grid.size) for grid in efforts]))
    if payoffs > MOST_PAYOFFS:
        raise InputError(
            f"levels must leave at most {MOST_PAYOFFS:,} payoffs, got {payoffs:,.0f} for {contest.n} developers: "
            "use fewer levels or fewer models",
            field="levels",
        )
    write_text(path, nfg_text(contest, efforts))


def nfg_text(contest: Contest, efforts: Sequence[FloatArray]) -> str:
    """The game on the given efforts, one array per developer, as the text of an ``.nfg`` file."""
    players = " ".join(_quoted(name) for name in contest.names)
    strategies = "\n".join("{ " + " ".join(_quoted(_number(e)) for e in grid) + " }" for grid in efforts)
    # Gambit lets the first developer's strategy change fastest
    shape = tuple(grid.size for grid in reversed(efforts))
    rows: list[str] = []
    for index in np.ndindex(shape):
        profile = np.array([grid[at] for grid, at in zip(efforts, reversed(index), strict=True)])
        rows.append(" ".join(_number(p) for p in contest.payoffs(profile)))
    title = f"headstart contest of {contest.n} developers at level {_number(contest.level)}"
    body = "\n".join(rows)
    return f"NFG 1 R {_quoted(title)} {{ {players} }}\n{{\n{strategies}\n}}\n{_quoted('')}\n\n{body}\n"


def _grid(contest: Contest, levels: int | Sequence[ArrayLike]) -> list[FloatArray]:
    if isinstance(levels, int):
        require(levels >= 1, "levels", ">= 1", levels)
        stake = contest.rewards[0] - contest.rewards[-1]
        useful = np.minimum(contest.costs.effort_at(stake), contest.max_effort)
        return [np.linspace(0.0, top, levels) if top > 0 else np.zeros(1) for top in useful]
    require(len(levels) == contest.n, "levels", f"{contest.n} lists, one per developer", len(levels))
    grids = [np.asarray(own, dtype=np.float64) for own in levels]
    for name, cap, grid in zip(contest.names, contest.max_effort, grids, strict=True):
        require(grid.ndim == 1 and grid.size > 0, "levels", f"a non-empty list of efforts for {name}", grid)
        inside = bool(((grid >= 0) & (grid <= cap) & np.isfinite(grid)).all())
        require(inside, "levels", f"finite efforts between 0 and the cap for {name}", grid)
        require(bool((np.diff(grid) > 0).all()), "levels", f"rising efforts for {name}", grid)
    return grids


def _number(value: float) -> str:
    """Digits enough to read back the same float, and never an exponent Gambit might not take."""
    return np.format_float_positional(float(value), trim="-")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
