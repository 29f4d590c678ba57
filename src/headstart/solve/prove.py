"""Prove what the solver found: a certified decision, and proof files that ``certificate.verify`` checks.

The solver's floating-point answers serve as hints of where to look; what is returned has been established by the
verifier's own arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Literal, cast

from headstart import __version__
from headstart.certificate import SCHEMA, digest
from headstart.certificate.document import Document, Malformed, read
from headstart.certificate.game import Game, conditions, only_candidate, uniqueness
from headstart.certificate.limits import TooLarge
from headstart.certificate.numbers import Signs, Undecided, decimal_text
from headstart.certificate.prices import price_entry
from headstart.certificate.verifier import check_pure, pure_claim
from headstart.contest.contest import Contest
from headstart.contest.contest_file import contest_document, contest_from_document
from headstart.errors import ComputationError, InputError
from headstart.io.run import now
from headstart.solve.prove_effort import catch_up_enclosure, witness_effort
from headstart.solve.prove_level import find_level_claim
from headstart.solve.prove_noise import noise_claims, tolerance_of
from headstart.solve.pure import Verdict, solve_pure


@dataclass(frozen=True, kw_only=True)
class CertifiedDecision:
    """The pure verdict as exact or ball arithmetic establishes it, numbers as text.

    Args:
        verdict: ``exists``, ``none``, or ``undecided`` where nothing could be proved.
        unique: Whether the equilibrium is the only one; None when not known or when there is none.
        proof: ``exact`` or ``interval``: the arithmetic that was needed; None when undecided.
        efforts: The equilibrium, one exact effort per model, in steps.
        witness: ``model``, ``overtakes`` and ``effort`` of a deviation that pays.
        conditions: Name, holds and feeds of every condition.
        reason: Why nothing could be proved; None otherwise.
    """

    verdict: Verdict
    unique: bool | None
    proof: Literal["exact", "interval"] | None
    efforts: tuple[str, ...] | None
    witness: Mapping[str, str] | None
    conditions: tuple[Mapping[str, object], ...]
    reason: str | None


def certified_decision(document: Mapping[str, object]) -> CertifiedDecision:
    """Decide the pure verdict with certainty.

    Args:
        document: From ``formats.contest_file.read_document``: numbers are ``int`` or ``Decimal``.

    Raises:
        InputError: If the document is no contest, or has noise.

    Source: docs/theory, Props. A, B and E.
    """
    exact = _read(as_text(document))
    if exact.noisy:
        raise InputError("noise_sd must be absent or 0: verdicts are certified for scores without noise")
    contest = as_contest(document)
    try:
        known, claim = _pure_claim(exact, contest)
    except Undecided:
        return _undecided((), "two quantities are too close to tell apart")
    if claim is None:
        return _undecided(tuple(known), "the candidate is broken, but it is not shown to be the only one")
    return CertifiedDecision(
        verdict=claim["verdict"], unique=claim["unique"], proof=claim["proof"],
        efforts=None if claim["efforts"] is None else tuple(claim["efforts"]), witness=claim["witness"],
        conditions=tuple(known), reason=None,
    )  # fmt: skip


def _undecided(known: tuple[Mapping[str, object], ...], reason: str) -> CertifiedDecision:
    return CertifiedDecision(
        verdict="undecided", unique=None, proof=None, efforts=None, witness=None, conditions=known, reason=reason
    )


def prove(
    given: Contest | Mapping[str, object], *, level_claim: bool = True, tolerance: str | float | Decimal | None = None
) -> dict[str, object]:
    """Write the proof of everything that can be proved about the contest.

    Args:
        given: A contest, whose numbers are taken as exactly the floats they are; or a document from
            ``contest_file.read_document``, whose numbers are ``int`` or ``Decimal``.
        level_claim: Whether to look for the stabilising level, which takes longest. Without noise only.
        tolerance: Gain from tuning that nobody is to exceed, as a share of first reward minus last, in (0, 1); the
            least that is proved in reasonable time when None. With noise only.

    Returns:
        A proof, schema ``headstart.proof/1``, as JSON data. Without noise it claims the ranking, the verdict, the
        prices and the stabilising level; with noise ``incentive`` and ``dominance``. A claim is None where it could
        not be proved.

    Raises:
        InputError: If the document is no contest, only some of its models have noise, or the tolerance is out of range.
        ComputationError: If the verdict on pure equilibria cannot be proved, or the tolerance; or, with noise, nothing.

    Source: docs/certificates.
    """
    document = exact_document(given) if isinstance(given, Contest) else given
    text = as_text({key: value for key, value in document.items() if key != "note"})
    exact = _read(text)
    contest = as_contest(document)
    if exact.noisy:
        return _prove_under_noise(text, exact, contest, tolerance)
    if tolerance is not None:
        raise InputError("tolerance is for contests with noise: without noise the claim is that nobody gains at all")
    try:
        known, pure = _pure_claim(exact, contest)
        ranking = [exact.developers[i].name for i in _game(exact).untuned_order]
    except Undecided:
        raise ComputationError("two quantities are too close to tell apart, so nothing is proved") from None
    if pure is None:
        raise ComputationError("the candidate is broken, but the conditions that make it the only one do not all hold")
    return _signed(
        text,
        conditions=known,
        ranking=ranking,
        pure=pure,
        prices=_prices(_game(exact)),
        stabilising_level=find_level_claim(_game(exact)) if level_claim else None,
    )


def _prove_under_noise(
    text: object, exact: Document, contest: Contest, tolerance: str | float | Decimal | None
) -> dict[str, object]:
    asked = None if tolerance is None else tolerance_of(tolerance)
    incentive, dominance = noise_claims(exact, contest, asked)
    if incentive is None and dominance is None:
        raise ComputationError("neither a bound on gains is proved nor a level from which on not tuning is dominant")
    return _signed(
        text, conditions=[], ranking=None, pure=None, prices=None, stabilising_level=None,
        incentive=incentive, dominance=dominance,
    )  # fmt: skip


def _signed(contest: object, **claims: object) -> dict[str, object]:
    proof: dict[str, object] = {
        "schema": SCHEMA,
        "headstart_version": __version__,
        "created_at": now(),
        "contest": contest,
        **claims,
    }
    return {**proof, "sha256": digest(proof)}


def exact_document(contest: Contest) -> Mapping[str, object]:
    """The contest as ``contest_file.read_document`` gives it, every number exactly the float it is."""
    document = contest_document(contest)
    models = cast("list[dict[str, object]]", document["models"])
    whole = {"noise_sd": None} | document | {"models": [{"max_effort": None} | model for model in models]}
    return cast("Mapping[str, object]", _as_decimals(whole))


def _as_decimals(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _as_decimals(item) for key, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_as_decimals(item) for item in cast("list[object]", value)]
    return Decimal(value) if isinstance(value, float) else value


def as_text(value: object) -> object:
    """The document with every number as the text it is written as."""
    if isinstance(value, Mapping):
        return {key: as_text(item) for key, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [as_text(item) for item in cast("list[object]", value)]
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    return value


def as_contest(document: Mapping[str, object]) -> Contest:
    """The contest with the nearest floats, for hints."""
    return contest_from_document(cast("Mapping[str, object]", _as_floats(document)))


def _as_floats(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _as_floats(item) for key, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_as_floats(item) for item in cast("list[object]", value)]
    return float(value) if isinstance(value, Decimal) else value


def _read(text: object) -> Document:
    try:
        return read(text)
    except (Malformed, TooLarge) as error:
        raise InputError(str(error)) from None


def _game(document: Document) -> Game:
    return Game(document=document, signs=Signs())


def _pure_claim(document: Document, contest: Contest) -> tuple[list[dict[str, object]], dict[str, Any] | None]:
    """The conditions, and the verdict as a proof states it (None: not provable)."""
    game = _game(document)
    known = conditions(game)
    hint = solve_pure(contest).witness
    names = [d.name for d in document.developers]
    pairs = [] if hint is None else [(names.index(hint.model), names.index(hint.overtakes))]
    witness = _witness(game, pairs)
    if witness is None and (pairs := game.profitable_pairs()):
        witness = _witness(game, pairs)
        if witness is None:
            raise Undecided
    if witness and not only_candidate(known):
        return known, None
    unique = None if witness else uniqueness(game, known)
    efforts = None if witness else [decimal_text(d.candidate) for d in document.developers]
    claim = pure_claim(game, "none" if witness else "exists", known, unique=unique, efforts=efforts, witness=witness)
    return known, _with_arithmetic(document, claim, known)


def _with_arithmetic(document: Document, claim: dict[str, object], known: list[dict[str, object]]) -> dict[str, Any]:
    """The claim with ``proof`` as the verifier will find it: the search above compared more than the check does."""
    for proof in ("exact", "interval"):
        stated = {**claim, "proof": proof}
        try:
            check_pure(_game(document), stated, known)
        except (Malformed, TooLarge):
            continue
        return stated
    raise ComputationError("the proof found does not pass its own verification")


def _witness(game: Game, pairs: list[tuple[int, int]]) -> dict[str, str] | None:
    for i, k in pairs:
        effort = witness_effort(game, i, k)
        if effort is not None:
            return {
                "model": game.developer(i).name,
                "overtakes": game.developer(k).name,
                "effort": decimal_text(effort),
            }
    return None


def _prices(game: Game) -> list[dict[str, object]] | None:
    order = game.untuned_order
    try:
        return [price_entry(game, i, k, catch_up_enclosure(game, i, k)) for k, i in pairwise(order)]
    except Undecided:
        return None
