"""A release of a leaderboard that has everything a site can show, with names of any kind."""

from __future__ import annotations

from typing import Any

from headstart.auditing.level_values import Estimate
from headstart.board.site.values import (
    Benchmark,
    Bound,
    Download,
    Entry,
    Fall,
    LedgerEntry,
    LevelRow,
    Link,
    Model,
    NextRank,
    Place,
    Point,
    Release,
    Seal,
    Untuned,
)

NAMES = ("large", "medium", "small", "tiny")
API = "by API"
SEAL = "0123456789abcdef" * 4
STEPS = (0.0, 10.0, 100.0, 1000.0)


def entry(place: int, name: str, above: str | None, **changes: Any) -> Entry:
    """One of four models: the first and the last alone, the others tied."""
    low, high = ((1, 1), (2, 3), (2, 3), (4, 4))[place - 1]
    fields: dict[str, Any] = {
        "model": name,
        "direct": Place(
            score=0.5 - 0.05 * place,
            stderr=0.01,
            rank=5 - place,
            best_rank=5 - place,
            worst_rank=5 - place,
            shared_rank=5 - place,
            last_place=5 - place,
        ),
        "tuned": Place(
            score=0.9 - 0.1 * place,
            stderr=0.01,
            rank=place,
            best_rank=low,
            worst_rank=high,
            shared_rank=low,
            last_place=high,
        ),
        "next_rank": None
        if above is None
        else NextRank(overtakes=above, effort=40.0 * place, low=10.0, high=None, cost=0.4 * place),
        "gain": Estimate(value=0.02 * place, low=0.0, high=0.05 * place),
        "gain_effort": 12.0,
        "trajectory": tuple(Point(step=step, score=0.4 + 0.0001 * step, stderr=0.01) for step in STEPS),
    }
    return Entry(**fields | changes)


def made_up_benchmark(name: str = "made-up", names: tuple[str, ...] = NAMES, **changes: Any) -> Benchmark:
    """Four models, one of which falls, and a contestant that cannot be tuned."""
    first, second, third, last = names
    fields: dict[str, Any] = {
        "name": name,
        "level": 1000.0,
        "cost_unit": "USD",
        "rewards": "first place is worth 5,000 USD",
        "headline": "Give every model 1,000 steps of the same tuning before the test.",
        "reasons": ("It costs 4,000 steps.",),
        "entries": (
            entry(1, first, None),
            entry(2, second, first, flags=("at chance", "poor fit"), remarks=("A run diverged before step 100.",)),
            entry(
                3,
                third,
                second,
                fall=Fall(peak_step=10.0, peak_score=0.61, last_step=1000.0, last_score=0.5, stderr=0.02),
                next_rank=NextRank(overtakes=second, effort=None, reason="not within the forecast horizon", tied=True),
            ),
            entry(4, last, third, tuned=None, missing="the level lies beyond the model's forecast horizon"),
        ),
        "untuned": (
            Untuned(
                model=f"{first} {API}",
                score=0.7,
                stderr=None,
                direct_rank=2,
                direct_low=1,
                direct_high=3,
                bounds=(Bound(level=1000.0, best_rank=1, worst_rank=2, worst_low=2, worst_high=3),),
            ),
        ),
        "left_out": (("unfitted", "only one step was measured"),),
        "levels": tuple(
            LevelRow(
                level=step,
                gain=Estimate(value=0.3 / 2**at, low=0.2 / 2**at, high=0.4 / 2**at),
                suffices=at / 3,
                kendall_tau=None if at == 0 else 0.9,
                tau_low=0.8,
                tau_high=1.0,
                shared=2,
                median_price=None if at == 3 else 12.0,
            )
            for at, step in enumerate(STEPS)
        ),
        "notes": ("Effort is counted in steps.",),
        "source": "results.csv",
        "seals": (Seal(hash=SEAL, created_at="2026-01-02T03:04:05+00:00", facts=(("Levels", "0, 1000 steps"),)),),
    }
    return Benchmark(**fields | changes)


def made_up_release(names: tuple[str, ...] = NAMES, **changes: Any) -> Release:
    """One benchmark, a ledger, and a download of its own."""
    fields: dict[str, Any] = {
        "title": "Made-up leaderboard",
        "created_at": "2026-01-31T00:00:00+00:00",
        "id": "7",
        "about": ("For tests.",),
        "benchmarks": (made_up_benchmark(names=names),),
        "models": (Model(name=names[0], team="A team", attempts=3, facts=(("Commit", "a" * 40),), remarks=("Good.",)),),
        "method": ("We do it this way.",),
        "ledger": tuple(
            LedgerEntry(seq=at, time="2026-01-30T00:00:00+00:00", event="received", subject=f"s{at}", hash=f"{at:064x}")
            for at in range(1, 4)
        ),
        "downloads": (Download(name="extra.txt", title="More", data=b"more"),),
        "links": (Link(label="Submit", address="/submit"),),
    }
    return Release(**fields | changes)


HOSTILE = (
    "<script>document.title='hacked'</script>",
    '"><img src=x onerror=alert(1)>',
    "../../../etc/passwd",
    "=HYPERLINK(\"http://x\",'y')",
    "-->]]></style></script>{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
    "+1 \u202edetrevni\u202c & é 模型 \U0001f600",
)
"""Names that would do harm where they are not escaped."""


def hostile_release() -> Release:
    """Every field that a stranger may fill holds something hostile."""
    tag, image, path, formula, template, link, mixed = HOSTILE
    one = made_up_benchmark(
        name=tag,
        names=(tag, image, path, formula),
        cost_unit=image,
        rewards=template,
        headline=tag,
        reasons=(image, template),
        left_out=((template, tag), (mixed, image)),
        notes=(tag, template),
        source=image,
        seals=(Seal(hash=f'"{tag}', created_at=image, facts=((tag, image),)),),
    )
    two = made_up_benchmark(name=path, names=(template, link, mixed, "CON"), source=tag)
    return made_up_release(
        title=tag,
        id=image,
        about=(template, tag),
        benchmarks=(one, two),
        models=(
            Model(name=tag, team=image, attempts=2, facts=((tag, image), (path, link)), remarks=(template,)),
            Model(name=mixed, team=formula),
        ),
        method=(tag, image),
        ledger=(LedgerEntry(seq=1, time=tag, event=image, subject=formula, hash=template),),
        downloads=(Download(name="extra.txt", title=tag, data=b""),),
        links=(Link(label=tag, address="https://example.org/?a=<b>&c='d'"),),
    )
