"""Check a proof file: everything it states is derived again from the contest inside it.

What a proof may state in many true ways (an effort that witnesses a profitable deviation, the two levels around a
threshold) is checked as stated; everything else has one canonical form and must agree to the letter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from flint import fmpq

from headstart.certificate.document import Document, Malformed, keys, must, read
from headstart.certificate.dominance import check_dominance
from headstart.certificate.game import WITHOUT_T, Game, conditions, only_candidate, uniqueness
from headstart.certificate.incentive import check_incentive
from headstart.certificate.level import always_pays, prices_grow_with_level, unsettled_pair
from headstart.certificate.limits import CLAIM_NUMBER_BITS, Budget, TooLarge, check_size
from headstart.certificate.numbers import Real, Signs, Undecided, canonical, decimal_text, significant
from headstart.certificate.prices import is_catch_up, obstacle, price_entry

SCHEMA = "headstart.proof/1"
LEVEL_DIGITS = (8, 16, 32)
"""The levels around a threshold are one or two units of the last of so many significant digits apart."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The outcome of checking a proof.

    Args:
        ok: Whether every claim was established.
        claims: What was established, in sentences; empty unless ``ok``.
        reason: What is wrong with the proof; None if nothing is.
    """

    ok: bool
    claims: tuple[str, ...]
    reason: str | None


def verify(proof: object) -> Verification:
    """Check a proof (parsed JSON) by recomputing it with exact rational and ball arithmetic.

    Nothing in the proof is trusted, its digest included: the digest only tells an accident from a false claim.
    """
    try:
        claims = _claims(proof)
    except (Malformed, TooLarge) as error:
        return Verification(ok=False, claims=(), reason=str(error))
    except Undecided:
        return Verification(ok=False, claims=(), reason="two quantities are too close to tell apart")
    except RecursionError:
        return Verification(ok=False, claims=(), reason="the proof is nested too deeply")
    return Verification(ok=True, claims=claims, reason=None)


def digest(proof: Mapping[str, object]) -> str:
    """SHA-256 of the canonical JSON of everything in the proof but the digest itself."""
    rest = {key: value for key, value in proof.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


_KEYS = (
    "schema", "headstart_version", "created_at", "contest", "conditions", "ranking", "pure", "prices",
    "stabilising_level", "sha256",
)  # fmt: skip
_KEYS_UNDER_NOISE = ("incentive", "dominance")


def _claims(proof: object) -> tuple[str, ...]:
    must(isinstance(proof, dict), "proof must be a table")
    given = cast("dict[str, object]", proof)
    under_noise = any(key in given for key in _KEYS_UNDER_NOISE)
    table = keys(given, "proof", *_KEYS, *(_KEYS_UNDER_NOISE if under_noise else ()))
    must(table["schema"] == SCHEMA, f"schema must be {SCHEMA}")
    _only_plain_values(table)
    check_size(table)
    must(table["sha256"] == digest(table), "sha256 does not match: the file was altered")
    document, budget = read(table["contest"]), Budget()

    def game() -> Game:  # a fresh record of the arithmetic for every claim
        return Game(document=document, signs=Signs(budget))

    must(document.noisy == under_noise, "incentive and dominance must be there exactly if the contest has noise")
    if under_noise:
        return _claims_under_noise(document, budget, table)
    base = game()
    names = [base.developer(i).name for i in base.untuned_order]
    must(table["ranking"] == names, "ranking is not the ranking at the level")
    claims = [f"the ranking at level {decimal_text(document.level)} is {', '.join(names)}"]
    claims.append(check_pure(game(), table["pure"], table["conditions"]))
    if table["prices"] is not None:
        check_prices(base, table["prices"])
        claims.append(f"the prices of {len(names) - 1} neighbouring ranks lie in the intervals stated")
    if table["stabilising_level"] is not None:
        claims.append(check_level(game(), table["stabilising_level"]))
    return tuple(claims)


def _claims_under_noise(document: Document, budget: Budget, table: Mapping[str, Any]) -> tuple[str, ...]:
    """Check the claims about a contest with noise; what holds only without noise must be absent."""
    _must_equal(table["conditions"], [], "conditions")
    for key in ("ranking", "pure", "prices", "stabilising_level"):
        _must_equal(table[key], None, key)
    claims: list[str] = []
    if table["incentive"] is not None:
        claims.append(check_incentive(document, Signs(budget), table["incentive"]))
    if table["dominance"] is not None:
        claims.append(check_dominance(document, Signs(budget), table["dominance"]))
    must(bool(claims), "nothing is claimed")
    return tuple(claims)


def _only_plain_values(value: object) -> None:
    """No floats anywhere: every number of a proof is text."""
    if isinstance(value, dict):
        for item in cast("dict[str, object]", value).values():
            _only_plain_values(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            _only_plain_values(item)
    else:
        must(value is None or isinstance(value, str | bool), f"numbers must be written as text, got {value!r}")


def check_pure(game: Game, claim: object, stated: object) -> str:
    """Check the verdict and the conditions that it rests on.

    Raises:
        Malformed: If it does not hold.
        Undecided: If the arithmetic cannot tell.
    """
    table = keys(claim, "pure", "verdict", "unique", "proof", "efforts", "witness", "rests_on")
    known = conditions(game)
    if stated == known[:WITHOUT_T]:
        known = known[:WITHOUT_T]
    _must_equal(stated, known, "conditions")
    verdict = table["verdict"]
    must(verdict in ("exists", "none"), "verdict must be exists or none: nothing else can be proved")
    if verdict == "none":
        must(only_candidate(known), "the conditions that make the candidate the only one do not all hold")
        efforts, unique = None, None
        sentence = _check_witness(game, table["witness"])
    else:
        must(table["witness"] is None, "witness must be absent where an equilibrium exists")
        pairs = game.profitable_pairs()
        must(not pairs, "the candidate is no equilibrium: some developer gains by overtaking")
        efforts = [decimal_text(d.candidate) for d in game.document.developers]
        unique = uniqueness(game, known)
        sentence = "no developer gains by tuning beyond what is free: an equilibrium exists"
        sentence += {True: ", and it is the only one", False: ", and there are others", None: ""}[unique]
    expected = pure_claim(game, verdict, known, unique=unique, efforts=efforts, witness=table["witness"])
    _must_equal(claim, expected, "pure")
    return sentence


def pure_claim(
    game: Game, verdict: str, known: list[dict[str, object]], *, unique: bool | None, efforts: object, witness: object
) -> dict[str, object]:
    """The verdict in the form a proof states it, after the checks: ``proof`` is the arithmetic they needed."""
    if verdict == "exists":
        rests_on = {True: ["B", "A"], False: ["B", "E"], None: ["B"]}[unique]
    else:
        rests_on = ["B", "A"] if known[0]["holds"] else ["B", "E"]
    return {
        "verdict": verdict, "unique": unique, "proof": game.signs.proof, "efforts": efforts, "witness": witness,
        "rests_on": rests_on,
    }  # fmt: skip


def _check_witness(game: Game, witness: object) -> str:
    table = keys(witness, "witness", "model", "overtakes", "effort")
    i, k = _index(game, table["model"]), _index(game, table["overtakes"])
    effort = _number(table["effort"])
    must(witness_pays(game, i, k, effort), "the witness does not gain by its deviation")
    name, rival = table["model"], table["overtakes"]
    return f"no equilibrium exists: {name} gains by overtaking {rival} with effort {table['effort']}"


def witness_pays(game: Game, i: int, k: int, effort: fmpq) -> bool:
    """Whether i, at the candidate, gains by taking k's place with this effort."""
    own, gap = game.developer(i), game.gap(i, k)
    if gap <= 0 or effort < 0 or (own.cap is not None and effort > own.cap):
        return False
    return own.cost.sign(game.signs, effort, gap) < 0 and game.beats(i, Real.rational(effort), k, game.base(k))


def check_prices(game: Game, claim: object) -> None:
    """Check the price of every neighbouring pair, from the top.

    Raises:
        Malformed: If one does not hold.
        Undecided: If the arithmetic cannot tell.
    """
    order = game.untuned_order
    must(isinstance(claim, list), "prices must be a list")
    entries = cast("list[Any]", claim)
    must(len(entries) == game.n - 1, "prices must hold every neighbouring pair")
    for k, i, entry in zip(order, order[1:], entries, strict=False):
        table = keys(entry, "price", "model", "overtakes", "reachable", "reason", "effort", "cost")
        enclosure = None
        if obstacle(game, i, k) is None:
            ends = cast("list[object]", table["effort"] if isinstance(table["effort"], list) else [])
            must(len(ends) == 2, "effort must be two numbers")
            enclosure = (_number(ends[0]), _number(ends[1]))
            pair = f"{game.developer(i).name} over {game.developer(k).name}"
            must(is_catch_up(game, i, k, *enclosure), f"effort does not enclose the catch-up effort of {pair}")
        _must_equal(entry, price_entry(game, i, k, enclosure), "price")


def check_level(game: Game, claim: object) -> str:
    """Check what is stated about the stabilising level.

    Raises:
        Malformed: If it does not hold.
        Undecided: If the arithmetic cannot tell.
    """
    must(isinstance(claim, dict), "stabilising_level must be a table")
    match cast("dict[str, object]", claim).get("status"):
        case "zero":
            table = keys(claim, "stabilising_level", "status", "proof")
            _must_be_stable_from(game, fmpq(0))
            sentence = "nobody gains by tuning beyond what is free at any level"
        case "finite":
            sentence = _check_finite(game, claim)
            table = cast("dict[str, object]", claim)
        case "infinite":
            table = keys(claim, "stabilising_level", "status", "proof", "from", "witness")
            start, pair = _number(table["from"]), keys(table["witness"], "witness", "model", "overtakes")
            must(start >= 0, "from must be a level")
            i, k = _index(game, pair["model"]), _index(game, pair["overtakes"])
            must(always_pays(game.at_level(start), i, k), "the witness is not shown to gain at every higher level")
            sentence = f"no level stabilises: from {table['from']} on, {pair['model']} gains by overtaking"
        case _:
            raise Malformed("stabilising_level.status must be zero, finite or infinite")
    must(table["proof"] == game.signs.proof, "stabilising_level.proof is not the arithmetic needed")
    return sentence


def _check_finite(game: Game, claim: object) -> str:
    table = keys(claim, "stabilising_level", "status", "proof", "low", "high", "half_line", "witness")
    low, high = _number(table["low"]), _number(table["high"])
    must(low > 0 and any(_close(low, high, digits) for digits in LEVEL_DIGITS), "low and high must be close")
    _check_witness(game.at_level(low), table["witness"])
    _must_be_stable_from(game, high)
    half_line = True if prices_grow_with_level(game) else None
    must(table["half_line"] is half_line, "half_line must say whether Prop. D applies")
    shape = "exactly from a level in" if half_line else "at every level from one in"
    return f"nobody gains by tuning beyond what is free {shape} ({table['low']}, {table['high']}] on"


def _close(low: fmpq, high: fmpq, digits: int) -> bool:
    """Whether ``high`` is the next number of ``digits`` significant digits after ``low``, or the one after that."""
    start, unit = significant(low, digits)
    following = low + unit
    return start == low and high in (following, following + significant(following, digits)[1])


def _must_be_stable_from(game: Game, level: fmpq) -> None:
    pair = unsettled_pair(game.at_level(level))
    must(pair is None, f"not shown to be stable from level {decimal_text(level)} on")


def _must_equal(stated: object, derived: object, place: str) -> None:
    """Equality of JSON values that keeps true and "true" apart."""
    must(json.dumps(stated, sort_keys=True) == json.dumps(derived, sort_keys=True), f"{place} is not what follows")


def _number(text: object) -> fmpq:
    """A number of a claim."""
    return canonical(text, "a number of a claim", CLAIM_NUMBER_BITS)


def _index(game: Game, name: object) -> int:
    names = [d.name for d in game.document.developers]
    must(name in names, f"there is no model {name!r}")
    return names.index(cast("str", name))
