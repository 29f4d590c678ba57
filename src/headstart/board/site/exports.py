"""The scores of a site in formats of other tools, each as one archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from headstart.board.site.values import Benchmark, Download, Entry, Place, Point, Release

_WRITERS = "headstart.data.writers"


def every_eval_ever(release: Release) -> tuple[Download, ...]:
    """Every measured score as a record of Every Eval Ever, with its rank where it has one.

    The records have scores between 0 and 1 and a step of tuning; benchmarks with others are left out, and so is the
    archive where nothing is left.
    """
    if find_spec(_WRITERS) is None:
        return ()
    # By name: the writers stand beside this package's other readers and writers of measurements.
    writers = import_module(_WRITERS)
    scores = [
        writers.PublishedScore(**fields)
        for benchmark in release.benchmarks
        if benchmark.level is not None
        for fields in _scores(benchmark)
    ]
    if not scores:
        return ()
    published = writers.Published(title=release.title, scores=tuple(scores), created_at=release.created_at)
    files = writers.WRITERS["every-eval-ever"].render(published)
    title = "Every measured score as records of Every Eval Ever (zip)"
    return (Download(name="every-eval-ever.zip", title=title, data=archive(files)),)


def archive(files: Mapping[str, bytes]) -> bytes:
    """Files as a zip archive; the same files give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, data in sorted(files.items()):
            packed.writestr(zipfile.ZipInfo(path), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _scores(benchmark: Benchmark) -> Iterator[dict[str, Any]]:
    points = [(entry, point) for entry in benchmark.entries for point in entry.trajectory]
    if any(not 0 <= point.score <= 1 for _, point in points):
        return
    for entry, point in points:
        place = _place(benchmark, entry, point)
        ranks = ("rank", "best_rank", "worst_rank")
        yield {
            "benchmark": benchmark.name,
            "model": entry.model,
            "step": point.step,
            "score": point.score,
            "stderr": point.stderr,
            **{name: None if place is None else getattr(place, name) for name in ranks},
        }


def _place(benchmark: Benchmark, entry: Entry, point: Point) -> Place | None:
    if point.step == benchmark.level:
        return entry.tuned
    return entry.direct if point.step == benchmark.direct_level else None
