"""What a site shows, as plain frozen data.

Whoever publishes builds a ``Release``: ``release_from`` from files, a server from its database. A number that does not
exist is None. Levels and efforts are in steps, scores in the benchmark's own range; an interval covers 95 %. Names and
texts may hold anything: pages escape them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from headstart.auditing.level_values import Estimate
from headstart.contest.arrays import require
from headstart.io.text import check_name

_ADDRESS = re.compile(r"https?://[^\s]+|(?!//)[^\s:?#\\]*(?:[?#][^\s]*)?")
_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)+")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one model stands at one level.

    Args:
        score: Measured score; an estimate where the model was not measured at the level.
        stderr: Its standard error; None where unknown.
        measured: Whether the score was measured.
        rank: Rank of the score; 1 is best, and equal scores share a rank.
        best_rank: Best rank that noise leaves possible, all models at once; None without standard errors.
        worst_rank: Worst such rank; None as above.
        shared_rank: Rank to publish: the same for all models of a group that noise leaves tied.
        last_place: Last place that the group fills; that of the rank itself for a group of one.
    """

    score: float
    stderr: float | None = None
    measured: bool = True
    rank: int
    best_rank: int | None = None
    worst_rank: int | None = None
    shared_rank: int
    last_place: int

    def __post_init__(self) -> None:
        require(self.rank >= 1, "rank", "at least 1", self.rank)
        require(1 <= self.shared_rank <= self.last_place, "shared_rank", "from 1 to last_place", self.shared_rank)
        known = self.best_rank is not None
        require(known == (self.worst_rank is not None), "worst_rank", "given with best_rank", self.worst_rank)
        if self.best_rank is not None and self.worst_rank is not None:
            inside = 1 <= self.best_rank <= self.rank <= self.worst_rank
            require(inside, "best_rank and worst_rank", "around the rank", (self.best_rank, self.worst_rank))

    @property
    def tied(self) -> bool:
        """Whether other models share the published rank."""
        return self.last_place > self.shared_rank


@dataclass(frozen=True, kw_only=True)
class NextRank:
    """What a model would have to spend to take the next rank at the published level.

    Args:
        overtakes: The model that holds it.
        effort: Further steps; None where they lie beyond the forecast horizon.
        low: Lower end of the interval; None as above.
        high: Upper end; None where it lies beyond the horizon.
        cost: The price, in the benchmark's cost unit; None as ``effort``.
        tied: Whether noise leaves the two tied, so that the order is open without any spending.
        beyond_measured: Whether the effort leads beyond the steps measured.
        reason: Why a number is missing; None when none is.
    """

    overtakes: str
    effort: float | None
    low: float | None = None
    high: float | None = None
    cost: float | None = None
    tied: bool = False
    beyond_measured: bool = False
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Point:
    """One measured score of a trajectory; ``stderr`` is None where unknown."""

    step: float
    score: float
    stderr: float | None = None


@dataclass(frozen=True, kw_only=True)
class Fall:
    """A fall beyond noise under the same tuning as everybody's: from the best earlier score to the last.

    ``stderr`` is that of the difference; None where unknown.
    """

    peak_step: float
    peak_score: float
    last_step: float
    last_score: float
    stderr: float | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model on one benchmark.

    Args:
        model: Its name.
        direct: Its place under direct evaluation; None where it was not tested untuned.
        tuned: Its place at the published level; None where it is not ranked there.
        missing: Why a place is None; None when none is.
        next_rank: The price of the next rank; None for the leader, and where it is unknown.
        gain: What gaming would gain its developer at the published level, as a share of first reward minus last; None
            where unknown.
        gain_effort: The further steps that gain it; None where nothing is gained.
        trajectory: Measured scores, rising steps.
        flags: What is odd about the trajectory, in the audit's words (``forgets``, ``at chance``).
        fall: None for a model that does not fall beyond noise.
        remarks: Anything else a reader must know of this entry, one sentence each.
    """

    model: str
    direct: Place | None
    tuned: Place | None
    missing: str | None = None
    next_rank: NextRank | None = None
    gain: Estimate | None = None
    gain_effort: float | None = None
    trajectory: tuple[Point, ...] = ()
    flags: tuple[str, ...] = ()
    fall: Fall | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Which ranks a contestant that cannot be tuned could hold at one level, alone among the tuned models.

    Args:
        level: In steps.
        best_rank: 1 at every level above 0: nothing bounds what tuning would bring it.
        worst_rank: Rank of its direct score among the scores at the level.
        worst_low: Lower end of the interval of ``worst_rank``.
        worst_high: Upper end.
    """

    level: float
    best_rank: int
    worst_rank: int
    worst_low: int
    worst_high: int


@dataclass(frozen=True, kw_only=True)
class Untuned:
    """A contestant that cannot be tuned, in a tier of its own: no rank counts it.

    Args:
        model: Its name.
        score: Under direct evaluation.
        stderr: None where unknown.
        direct_rank: Rank of the score among the untuned scores of the tuned models and itself.
        direct_low: Best such rank over the interval.
        direct_high: Worst such rank.
        bounds: Rising levels.
    """

    model: str
    score: float
    stderr: float | None = None
    direct_rank: int
    direct_low: int
    direct_high: int
    bounds: tuple[Bound, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LevelRow:
    """One level of one benchmark.

    Args:
        level: Steps given to every model.
        gain: Largest gain from gaming of any developer, as a share of first reward minus last.
        suffices: Share of the posterior draws in which the level is enough.
        kendall_tau: Agreement with the ranking at the reference level; None where it does not exist.
        tau_low: Lower end of its interval; None as above.
        tau_high: Upper end.
        shared: Models that share a published rank with another.
        median_price: Median price of a neighbour's place, in cost units; None where half are out of reach.
    """

    level: float
    gain: Estimate
    suffices: float
    kendall_tau: float | None = None
    tau_low: float | None = None
    tau_high: float | None = None
    shared: int
    median_price: float | None = None


@dataclass(frozen=True, kw_only=True)
class Seal:
    """The sealed protocol that scores were measured under.

    Args:
        hash: SHA-256, in hexadecimal.
        created_at: When it was sealed, in UTC, as ISO 8601; None where unknown.
        facts: What it fixes, as pairs of label and value.
    """

    hash: str
    created_at: str | None = None
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark of a site.

    Args:
        name: Its name.
        level: The published tune-before-test level, in steps; None where it is not known in steps.
        direct_level: Level of the direct column; 0 unless nothing was measured there.
        cost_unit: Unit of prices.
        rewards: What ranks are worth, in words; empty where nobody said so.
        headline: What to do, in one sentence; empty where no audit says so.
        reasons: What that rests on, one sentence each.
        entries: Best tuned rank first.
        untuned: Contestants that cannot be tuned, best direct score first.
        left_out: Names and reasons.
        levels: Rising; empty where there is no audit.
        notes: Assumptions taken, one sentence each.
        source: File or run that the scores came from; empty where there is none.
        seals: What the scores were measured under.
    """

    name: str
    level: float | None
    direct_level: float = 0.0
    cost_unit: str = "steps"
    rewards: str = ""
    headline: str = ""
    reasons: tuple[str, ...] = ()
    entries: tuple[Entry, ...]
    untuned: tuple[Untuned, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    levels: tuple[LevelRow, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""
    seals: tuple[Seal, ...] = ()

    def __post_init__(self) -> None:
        names = [*(entry.model for entry in self.entries), *(one.model for one in self.untuned)]
        _require_unique(f"the models of benchmark {self.name!r}", names)


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is known about a model beside its scores; optional, by name.

    Args:
        name: As in the entries.
        team: Who submitted it; None where unknown.
        attempts: Submissions that its team made before this one was chosen, itself included; None where nobody counts.
        facts: Further pairs of label and value (commit, digest of the weights, overlap with the test).
        remarks: One sentence each (such as a correction for having chosen the best of several).
    """

    name: str
    team: str | None = None
    attempts: int | None = None
    facts: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(self.attempts is None or self.attempts >= 1, "attempts", "at least 1", self.attempts)


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """One line of a public ledger.

    Args:
        seq: Number of the line.
        time: In UTC, as ISO 8601.
        event: What happened, in one word or two (``received``, ``withdrawn``).
        subject: To whom: a submission, a model, a release.
        hash: Of this line and the line before, in hexadecimal.
    """

    seq: int
    time: str
    event: str
    subject: str
    hash: str


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file offered beside those that every site has.

    Args:
        name: File name: lower-case letters, digits, ``-`` and ``_``, with an ending.
        title: What it holds.
        data: Its bytes.
    """

    name: str
    title: str
    data: bytes

    def __post_init__(self) -> None:
        safe = _FILE_NAME.fullmatch(self.name) is not None and len(self.name) <= 100
        require(safe, "name of a download", "lower-case letters, digits, - and _ with an ending", self.name)


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link of every page's navigation, such as to a server's page for submitting.

    Args:
        label: Its text.
        address: ``http://`` or ``https://`` address, or a path on the same server.
    """

    label: str
    address: str

    def __post_init__(self) -> None:
        known = bool(self.address) and _ADDRESS.fullmatch(self.address) is not None
        require(known, "address of a link", "http(s) or a path on the same server", self.address)


@dataclass(frozen=True, kw_only=True)
class Release:
    """Everything a site shows.

    Args:
        title: Name of the leaderboard.
        created_at: When the release was made, in UTC, as ISO 8601. The same release gives the same bytes.
        id: Names the release; empty where nobody counts.
        about: What the leaderboard is for, one paragraph each.
        benchmarks: The first is the one whose order the ranking page takes.
        models: What is known about models beside their scores; any order, names of the entries.
        method: Additions of the organiser to the page on the method, one paragraph each.
        ledger: Rising ``seq``; empty where there is none.
        downloads: Further files to offer.
        links: Further links in the navigation.
    """

    title: str
    created_at: str
    id: str = ""
    about: tuple[str, ...] = ()
    benchmarks: tuple[Benchmark, ...]
    models: tuple[Model, ...] = ()
    method: tuple[str, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    downloads: tuple[Download, ...] = ()
    links: tuple[Link, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.title, "title")
        require(_is_time(self.created_at), "created_at", "a time in ISO 8601", self.created_at)
        require(bool(self.benchmarks), "benchmarks", "at least one", self.benchmarks)
        _require_unique("benchmarks", (one.name for one in self.benchmarks))
        _require_unique("models", (one.name for one in self.models))
        _require_unique("downloads", (one.name for one in self.downloads))


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _require_unique(name: str, values: Iterable[str]) -> None:
    twice = [value for value, times in Counter(values).items() if times > 1]
    require(not twice, name, "different from each other", twice)
