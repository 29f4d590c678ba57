"""Results as JUnit XML: one check for each rank, which fails where noise allows other ranks."""

from __future__ import annotations

from headstart.data.writers.published import Published, PublishedScore, Writer, plain_step
from headstart.io.junit import Check, junit_xml


def rank_check(one: PublishedScore) -> Check:
    """Whether the rank of one score is the only one that noise leaves possible."""
    seed = "" if one.seed is None else f", seed {one.seed}"
    name = f"rank of {one.model} at step {plain_step(one.step)}{seed}"
    if one.rank is None or one.best_rank is None or one.worst_rank is None:
        known = "it is not ranked" if one.rank is None else "its standard error, or another's, is unknown"
        return Check(name=name, group=one.benchmark, status="skipped", message=f"not checked: {known}")
    if one.best_rank == one.rank == one.worst_rank:
        return Check(name=name, group=one.benchmark)
    return Check(
        name=name,
        group=one.benchmark,
        status="failed",
        message=f"rank {one.rank} is not certain: noise allows ranks {one.best_rank} to {one.worst_rank}",
        details=f"score {one.score:.6g}" + ("" if one.stderr is None else f", standard error {one.stderr:.3g}"),
    )


def _render(published: Published) -> bytes:
    return junit_xml(published.title, [rank_check(one) for one in published.scores])


JUNIT = Writer(title="JUnit XML", render=_render)
