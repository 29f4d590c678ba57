"""Results as tables in Markdown, one for each benchmark and step."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headstart.data.writers.published import Published, PublishedScore, Writer, plain_step

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#|~])")


def markdown_text(text: str) -> str:
    r"""Text that Markdown shows as it is, also within a cell.

    >>> markdown_text("a|b_c <i>")
    'a\\|b\\_c \\<i\\>'
    """
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _render(published: Published) -> bytes:
    tables: dict[tuple[str, float], list[PublishedScore]] = {}
    for one in published.scores:
        tables.setdefault((one.benchmark, one.step), []).append(one)
    lines = [f"# {markdown_text(published.title)}", ""]
    for (benchmark, step), scores in tables.items():
        when = "direct evaluation" if step == 0 else f"after {plain_step(step)} steps of identical tuning"
        lines += [f"## {markdown_text(benchmark)}, {when}", "", *_table(scores), ""]
    return "\n".join(lines).encode()


def _table(scores: Sequence[PublishedScore]) -> list[str]:
    ranked = any(one.rank is not None for one in scores)
    bounded = any(one.best_rank is not None for one in scores)
    seeded = any(one.seed is not None for one in scores)
    head = [*(["rank"] if ranked else []), *(["ranks that noise allows"] if bounded else []), "model"]
    by_items = all(one.stderr is None for one in scores) and any(one.n_items is not None for one in scores)
    head += [*(["seed"] if seeded else []), "score", "items" if by_items else "standard error"]
    rows = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for one in scores:
        cells = [*(["" if one.rank is None else str(one.rank)] if ranked else [])]
        cells += [_bounds(one)] if bounded else []
        cells += [markdown_text(one.model), *([markdown_text(one.seed or "")] if seeded else [])]
        noise = one.n_items if by_items else None if one.stderr is None else f"{one.stderr:.4f}"
        cells += [f"{one.score:.4f}", "" if noise is None else str(noise)]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def _bounds(one: PublishedScore) -> str:
    if one.best_rank is None or one.worst_rank is None:
        return ""
    return str(one.best_rank) if one.best_rank == one.worst_rank else f"{one.best_rank} to {one.worst_rank}"


MARKDOWN = Writer(title="Markdown", render=_render)
