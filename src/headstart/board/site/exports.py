"""The scores of a site in formats of other tools, each as one archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import cast

from headstart.board.site.values import Benchmark, Download, Entry, Place, Point, Release
from headstart.data.writers import WRITERS
from headstart.data.writers.published import Files, Published, PublishedScore


def every_eval_ever(release: Release) -> tuple[Download, ...]:
    """Every measured score as a record of Every Eval Ever, with its rank where it has one.

    The records have scores between 0 and 1 and a step of tuning; benchmarks with others are left out, and so is the
    archive where nothing is left.
    """
    scores = [score for benchmark in release.benchmarks if benchmark.level is not None for score in _scores(benchmark)]
    if not scores:
        return ()
    published = Published(title=release.title, scores=tuple(scores), created_at=release.created_at)
    files = cast("Files", WRITERS["every-eval-ever"].render(published))  # this format is a folder of records
    title = "Every measured score as records of Every Eval Ever (zip)"
    return (Download(name="every-eval-ever.zip", title=title, data=archive(files)),)


def archive(files: Mapping[str, bytes]) -> bytes:
    """Files as a zip archive; the same files give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, data in sorted(files.items()):
            packed.writestr(zipfile.ZipInfo(path), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _scores(benchmark: Benchmark) -> Iterator[PublishedScore]:
    points = [(entry, point) for entry in benchmark.entries for point in entry.trajectory]
    if any(not 0 <= point.score <= 1 for _, point in points):
        return
    for entry, point in points:
        place = _place(benchmark, entry, point)
        yield PublishedScore(
            benchmark=benchmark.name,
            model=entry.model,
            step=point.step,
            score=point.score,
            stderr=point.stderr,
            rank=None if place is None else place.rank,
            best_rank=None if place is None else place.best_rank,
            worst_rank=None if place is None else place.worst_rank,
        )


def _place(benchmark: Benchmark, entry: Entry, point: Point) -> Place | None:
    if point.step == benchmark.level:
        return entry.tuned
    return entry.direct if point.step == benchmark.direct_level else None
