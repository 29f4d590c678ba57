"""The contest inside a proof: strictly read, every constant the rational number its text says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

from flint import fmpq

from headstart.certificate.costs import Cost, PointsCost, PowerCost
from headstart.certificate.curves import Curve, Exponential, Linear, LogitPower, Points, constant
from headstart.certificate.limits import CONTEST_NUMBER_BITS, Malformed, TooLarge, check_geometric, check_size
from headstart.certificate.numbers import parse

CONTEST_SCHEMA = "headstart.contest/1"


@dataclass(frozen=True, kw_only=True)
class Developer:
    """One model and its owner's cost and cap (None for no cap)."""

    name: str
    curve: Curve
    cost: Cost
    cap: fmpq | None

    @property
    def candidate(self) -> fmpq:
        """The effort everybody spends in the one profile that is tested: what costs nothing."""
        free = self.cost.free
        return free if self.cap is None else min(free, self.cap)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A contest with exact constants."""

    level: fmpq
    rewards: tuple[fmpq, ...]
    by_capability: bool
    developers: tuple[Developer, ...]
    noise: tuple[fmpq, ...]
    """Standard deviation of each model's observed score; the noises are independent and normal."""

    @property
    def noisy(self) -> bool:
        """Whether any observed score has noise."""
        return any(self.noise)


def read(document: object) -> Document:
    """Read the contest of a proof.

    Raises:
        Malformed: If a key is missing or unknown, or a value is out of range.
        TooLarge: If a number, all numbers together or the rewards they stand for are too long.
    """
    check_size(document)
    table = keys(document, "contest", "schema", "level", "rewards", "tie_break", "noise_sd", "models")
    must(table["schema"] == CONTEST_SCHEMA, "contest.schema must be " + CONTEST_SCHEMA)
    must(table["tie_break"] in ("capability", "listed"), "tie_break must be 'capability' or 'listed'")
    level = _number(table["level"], "level")
    must(level >= 0, "level must be >= 0")
    developers = tuple(_developer(model, f"models[{at}]") for at, model in enumerate(_list(table["models"], "models")))
    must(len({d.name for d in developers}) == len(developers) > 0, "models must be there, with unique names")
    rewards = _rewards(table["rewards"], len(developers))
    return Document(
        level=level, rewards=rewards, by_capability=table["tie_break"] == "capability", developers=developers,
        noise=_noise(table["noise_sd"], len(developers)),
    )  # fmt: skip


def must(holds: bool, message: str) -> None:
    """Raise ``Malformed(message)`` unless ``holds``."""
    if not holds:
        raise Malformed(message)


def keys(value: object, place: str, *names: str) -> Mapping[str, Any]:
    """``value`` as a table with exactly these keys."""
    must(isinstance(value, dict), f"{place} must be a table")
    table = cast("Mapping[str, Any]", value)
    must(set(table) == set(names), f"{place} must have the keys {', '.join(names)}")
    return table


def _list(value: object, place: str) -> Sequence[Any]:
    must(isinstance(value, list), f"{place} must be a list")
    return cast("Sequence[Any]", value)


def _number(value: object, place: str) -> fmpq:
    try:
        found = parse(value)
    except ValueError as error:
        raise Malformed(f"{place}: {error}") from None
    if found.height_bits() > CONTEST_NUMBER_BITS:
        raise TooLarge(f"{place} is longer than {CONTEST_NUMBER_BITS} bits")
    return found


def _numbers(value: object, place: str) -> tuple[fmpq, ...]:
    return tuple(_number(item, place) for item in _list(value, place))


def _fields(value: Mapping[str, Any], place: str, *names: str) -> list[fmpq]:
    table = keys(value, place, "kind", *names)
    return [_number(table[name], f"{place}.{name}") for name in names]


def _kind(value: object, place: str) -> tuple[str, Mapping[str, Any]]:
    must(isinstance(value, dict) and "kind" in value, f"{place} must be a table with a kind")
    table = cast("Mapping[str, Any]", value)
    return str(table["kind"]), table


def _noise(value: object, n: int) -> tuple[fmpq, ...]:
    if isinstance(value, list):
        noise = _numbers(cast("object", value), "noise_sd")
    else:
        noise = (fmpq(0) if value is None else _number(value, "noise_sd"),) * n
    must(len(noise) == n and all(sd >= 0 for sd in noise), f"noise_sd must be >= 0, one number or {n}")
    return noise


def _developer(value: object, place: str) -> Developer:
    model = keys(value, place, "name", "curve", "cost", "max_effort")
    must(isinstance(model["name"], str) and model["name"] != "", f"{place}.name must be text")
    cap = None if model["max_effort"] is None else _number(model["max_effort"], f"{place}.max_effort")
    must(cap is None or cap >= 0, f"{place}.max_effort must be >= 0")
    curve, cost = _curve(model["curve"], f"{place}.curve"), _cost(model["cost"], f"{place}.cost")
    return Developer(name=model["name"], curve=curve, cost=cost, cap=cap)


def _curve(value: object, place: str) -> Curve:
    kind, table = _kind(value, place)
    match kind:
        case "logit_power":
            low, high, alpha, beta = _fields(table, place, "L", "U", "alpha", "beta")
            must(beta > 0 and high >= low, f"{place}: beta must be > 0 and U >= L")
            return LogitPower(low, high, alpha, beta) if high > low else constant(low)
        case "exponential":
            bottom, top, rate = _fields(table, place, "floor", "ceiling", "rate")
            must(rate > 0 and top >= bottom, f"{place}: rate must be > 0 and ceiling >= floor")
            return Exponential(bottom, top, rate) if top > bottom else constant(bottom)
        case "linear":
            intercept, slope = _fields(table, place, "intercept", "slope")
            must(slope >= 0, f"{place}: slope must be >= 0")
            return Linear(intercept, slope) if slope > 0 else constant(intercept)
        case "points":
            effort, score = _points(table, place, "score", least=1)
            return Points(effort, score) if score[-1] > score[0] else constant(score[0])
        case _:
            raise Malformed(f"{place}.kind must be logit_power, exponential, linear or points")


def _cost(value: object, place: str) -> Cost:
    kind, table = _kind(value, place)
    match kind:
        case "power":
            scale, exponent, free = _fields(table, place, "scale", "exponent", "free")
            must(
                scale > 0 and 1 <= exponent <= 1000 and free >= 0,
                f"{place} must have scale > 0, exponent between 1 and 1000 and free >= 0 to be proved",
            )
            return PowerCost(scale, exponent, free)
        case "points":
            effort, cost = _points(table, place, "cost", least=2)
            rising = [a < b for a, b in pairwise(cost)]
            # strictly increasing once it has started is all that the propositions used here need of convexity
            must(cost[0] == 0 and rising[-1] and rising == sorted(rising), f"{place}: must rise for good once it rises")
            return PointsCost(effort, cost)
        case _:
            raise Malformed(f"{place}.kind must be power or points")


def _points(table: Mapping[str, Any], place: str, second: str, least: int) -> tuple[tuple[fmpq, ...], tuple[fmpq, ...]]:
    keys(table, place, "kind", "effort", second)
    x, y = _numbers(table["effort"], f"{place}.effort"), _numbers(table[second], f"{place}.{second}")
    must(len(x) == len(y) >= least and x[0] == 0, f"{place} must be lists of one length, with efforts from 0")
    must(all(a < b for a, b in pairwise(x)), f"{place}.effort must rise")
    must(all(a <= b for a, b in pairwise(y)), f"{place}.{second} must not fall")
    return x, y


def _rewards(value: object, n: int) -> tuple[fmpq, ...]:
    if isinstance(value, list):
        rewards = _numbers(cast("list[object]", value), "rewards")
    else:
        kind, table = _kind(value, "rewards")
        rewards = _shape(kind, table, n)
    must(len(rewards) == n, f"rewards must be {n} long")
    must(all(a >= b for a, b in pairwise(rewards)), "rewards must not rise with rank")
    return rewards


def _shape(kind: str, table: Mapping[str, Any], n: int) -> tuple[fmpq, ...]:
    match kind:
        case "winner":
            (value,) = _fields(table, "rewards", "value")
            factors = [fmpq(rank == 0) for rank in range(n)]
        case "top":
            k, value = _fields(table, "rewards", "k", "value")
            must(k >= 1 and k.q == 1, "rewards.k must be a whole number >= 1")
            factors = [fmpq(rank < k) for rank in range(n)]
        case "linear":
            (value,) = _fields(table, "rewards", "value")
            factors = [fmpq(n - 1 - rank, n - 1) if n > 1 else fmpq(1) for rank in range(n)]
        case "geometric":
            ratio, value = _fields(table, "rewards", "ratio", "value")
            must(0 < ratio < 1, "rewards.ratio must be between 0 and 1")
            check_geometric(sum(int(part).bit_length() for part in (ratio.p, ratio.q) if part != 1), n)
            factors = [ratio**rank for rank in range(n)]
        case _:
            raise Malformed("rewards.kind must be winner, top, linear or geometric")
    must(value >= 0, "rewards.value must be >= 0")
    return tuple(value * factor for factor in factors)
