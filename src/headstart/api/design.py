"""``headstart.design`` for scripts and notebooks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headstart.api.sources import Frame, measurements_of
from headstart.auditing.values import Decision
from headstart.contest.contest import Contest
from headstart.contest.contest_file import is_contest_file
from headstart.data.trajectories import Trajectories
from headstart.designing.levels import Requirements
from headstart.designing.protocols import Protocol
from headstart.designing.run import DesignResult
from headstart.designing.run import design as run_design
from headstart.designing.stakes import Stakes
from headstart.progress import Progress
from headstart.report.design_page import design_page, write_design_page
from headstart.report.frames import protocols_frame

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DesignedProtocol:
    """A design that shows itself: what to do, the protocols compared, and its page.

    Args:
        values: Everything that was found, as plain values.
    """

    values: DesignResult

    @property
    def decision(self) -> Decision | None:
        """What to do with the measured models; None for a contest, whose recommendation is in ``values``."""
        return None if self.values.measured is None else self.values.measured.decision

    def protocols(self) -> pl.DataFrame:
        """One row per protocol compared."""
        return protocols_frame(self.values)

    def write_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page for a committee, whole or not at all.

        Raises:
            InputError: If the file cannot be written.
        """
        write_design_page(self.values, path)

    def html(self) -> str:
        """The page."""
        return design_page(self.values)

    def __repr__(self) -> str:
        found = self.values
        said = found.design.recommendation.reason if self.decision is None else self.decision.headline
        return f"<design of {found.benchmark or found.source or 'a contest'}: {said}>"


def design(
    given: str | os.PathLike[str] | Frame | Trajectories | Contest,
    *,
    benchmark: str | None = None,
    stakes: Stakes | str | None = None,
    requirements: Requirements | None = None,
    compare: Sequence[tuple[Protocol, ...] | str] | None = None,
    reference: float = 0.0,
    designer_cost_per_step: float | None = None,
    cost_unit: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> DesignedProtocol:
    """Choose a protocol: what gaming gains under each, what it costs, and the cheapest that meets the requirements.

    Args:
        given: Measurements (a file, a data frame or trajectories) or a contest (a file or a value).
        benchmark: Which one, where the measurements hold several.
        stakes: What first place may be worth, such as ``linear:500:5000``; by default the audit's assumption, or the
            contest's own rewards.
        requirements: What is asked for.
        compare: Protocols to compare beside the measured levels, such as ``level:1000`` or ``level:1000+items:5000``.
        reference: For a contest: level at which quality is read, in steps.
        designer_cost_per_step: What a step of one model costs the designer, in cost units.
        cost_unit: Unit of costs, rewards and bills.
        seed: Of the posterior draws, and of mixed equilibria.
        progress: Called as the work proceeds.

    Raises:
        InputError: If the source or an option is bad, naming file, row and field.
    """
    is_contest = isinstance(given, Contest) or (isinstance(given, str | os.PathLike) and is_contest_file(given))
    if is_contest:
        source, read = "", given
    else:
        assert not isinstance(given, Contest)
        source, read = measurements_of(given, benchmark=benchmark, cost_unit=cost_unit)
    assert isinstance(read, str | os.PathLike | Trajectories | Contest)
    found = run_design(
        read,
        source=source,
        stakes=stakes,
        requirements=requirements,
        compare=compare,
        reference=reference,
        designer_cost_per_step=designer_cost_per_step,
        cost_unit=cost_unit if is_contest else None,
        seed=seed,
        progress=progress,
    )
    return DesignedProtocol(values=found)
