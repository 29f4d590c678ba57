"""The catalogue: contests whose answers are known, as files, with their sources."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headstart._resources import catalog_path
from headstart.contest.contest import Contest
from headstart.contest.contest_file import read_contest
from headstart.errors import InputError
from headstart.io.documents import parse_document


class _Expected(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class ExpectedWitness(_Expected):
    """A deviation that pays: who takes whose place, with how many steps, at what cost, for what gain."""

    model: str
    overtakes: str
    effort: float
    cost: float
    gain: float


class ExpectedProfile(_Expected):
    """A profile that is an equilibrium, and the ranking it leads to."""

    efforts: list[float]
    ranking: list[str] | None = None


class ExpectedPure(_Expected):
    """What is true of the pure equilibria.

    ``unique`` is None where the source does not say. ``proof`` is the arithmetic that decides the verdict:
    ``exact`` where every number is rational. ``numeric_may_be_undecided``: floating point cannot, or the engine's
    conditions do not reach that far; it must then say undecided, and never the opposite.
    """

    verdict: Literal["exists", "none"]
    unique: bool | None = None
    proof: Literal["exact", "interval"] | None = None
    numeric_may_be_undecided: bool = False
    efforts: list[float] | None = None
    witness: ExpectedWitness | None = None
    equilibria: list[ExpectedProfile] = []


class ExpectedPrice(_Expected):
    """What one rank costs; effort and cost are None where no effort is enough."""

    model: str
    overtakes: str
    effort: float | None = None
    cost: float | None = None
    reachable: bool = True


class ExpectedLevel(_Expected):
    """The stable levels: as (from, to), or (from,) where they have no end."""

    status: Literal["zero", "finite", "infinite", "union"]
    level: float | None = None
    intervals: list[Annotated[list[float], Field(min_length=1, max_length=2)]] | None = None


class ExpectedMixed(_Expected):
    """A mixed equilibrium, model by model in the contest's order; every number holds within ``tolerance``."""

    expected_effort: list[float]
    expected_cost: list[float] | None = None
    payoff: list[float] | None = None
    idle_probability: list[float] | None = None
    inversion_probability: list[list[float]]
    expected_kendall_tau: float
    tolerance: float


class ExpectedNoisy(_Expected):
    """The pure equilibria under the contest's noise; ``threshold`` is a multiple of its standard deviations."""

    status: Literal["nobody tunes", "equilibrium", "none exists"]
    efforts: list[float] | None = None
    expected_kendall_tau: float | None = None
    threshold_status: Literal["finite", "zero", "infinite"] | None = None
    threshold: float | None = None
    tolerance: float = 1e-6


class QualityForm(_Expected):
    """The distribution that qualities are drawn from."""

    kind: Literal["uniform", "beta"]
    low: float
    high: float
    a: float = 1.0
    b: float = 1.0


class ExpectedPrivate(_Expected):
    """The typical field whose score rises as the contest's first line does, with its cost, rewards and level."""

    quality: QualityForm
    expected_effort: float
    expected_cost: float
    idle_probability: float
    tolerance: float


class Expected(_Expected):
    """The known answer to one contest; sections that the source does not answer are None."""

    title: str
    source: str
    ranking: list[str] | None = None
    pure: ExpectedPure | None = None
    prices: list[ExpectedPrice] = []
    stabilising_level: ExpectedLevel | None = None
    mixed: ExpectedMixed | None = None
    noisy: ExpectedNoisy | None = None
    private_information: ExpectedPrivate | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class CatalogueEntry:
    """One contest of the catalogue.

    Args:
        name: Name of its folder.
        contest_file: The contest file, which ``headstart solve`` reads like any other.
        contest: The contest in it.
        expected: What is known about it, with title and source.
    """

    name: str
    contest_file: Path
    contest: Contest
    expected: Expected


def catalogue_names() -> tuple[str, ...]:
    """Names of all entries, in alphabetical order."""
    return tuple(sorted(folder.name for folder in catalog_path().iterdir() if (folder / "contest.toml").is_file()))


def read_catalogue_entry(name: str) -> CatalogueEntry:
    """Read one entry.

    Raises:
        InputError: If there is no entry of that name, or one of its files is bad.

    >>> read_catalogue_entry("two-lines-close").expected.pure.verdict
    'none'
    """
    known = catalogue_names()
    if name not in known:
        raise InputError(f"name must be one of the catalogue ({', '.join(known)}), got {name!r}", field="name")
    folder = catalog_path() / name
    contest_file = folder / "contest.toml"
    return CatalogueEntry(
        name=name,
        contest_file=contest_file,
        contest=read_contest(contest_file),
        expected=read_expected(folder / "expected.toml"),
    )


def read_expected(path: str | os.PathLike[str]) -> Expected:
    """Read an ``expected.toml``.

    Raises:
        InputError: If the file is bad or has a key that means nothing, naming file and key.
    """
    document = parse_document(path).plain
    try:
        return Expected.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{place}: {first['msg']}, got {first['input']!r}", file=os.fspath(path), field=place
        ) from None
