"""Pictures of a leaderboard: everything drawn lies inside, and odd releases have pages all the same."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from headstart.board.site.build import site_files
from headstart.board.site.pictures import Picture, field_of, field_picture, gain_picture, trajectory_picture
from headstart.board.site.values import Benchmark, Fall, Point
from site_cases import entry, made_up_benchmark, made_up_release

ODD = {
    "no scores": (),
    "one score": (Point(step=0.0, score=0.5),),
    "flat": tuple(Point(step=step, score=0.5) for step in (0.0, 1.0, 2.0)),
    "of a hundred": tuple(Point(step=step, score=40 + 20 * step, stderr=2.0) for step in (0.0, 1.0, 3.0)),
    "below zero": (Point(step=5.0, score=-3.0, stderr=0.0), Point(step=6.0, score=-2.5)),
    "crowded": tuple(Point(step=1000.0 + step, score=0.5 + step / 1000, stderr=0.01) for step in range(60)),
}


def coordinates(picture: Picture) -> list[tuple[float, float, float, float]]:
    """Width and height of each drawing with every point of its lines, dots and texts."""
    found = []
    for drawing in (picture.wide, picture.narrow):
        size = re.search(r'viewBox="0 0 (\d+) (\d+)"', drawing)
        assert size
        width, height = float(size[1]), float(size[2])
        points = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", drawing)
        points += re.findall(r'c?x="(-?[\d.]+)" c?y="(-?[\d.]+)"', drawing)
        found += [(width, height, float(x), float(y)) for x, y in points]
    return found


def pictures_of(benchmark: Benchmark) -> list[Picture]:
    field = field_of(benchmark.entries)
    if field is None:
        return []
    drawn = [trajectory_picture(one, benchmark, field) for one in benchmark.entries]
    return [one for one in (*drawn, field_picture(benchmark, field), gain_picture(benchmark)) if one is not None]


@pytest.mark.parametrize("level", [None, 0.0, 1000.0])
@pytest.mark.parametrize("name", ODD)
def test_everything_is_drawn_inside(name: str, level: float | None):
    fall = Fall(peak_step=0.0, peak_score=0.5, last_step=2.0, last_score=0.4)
    entries = (entry(1, "a", None, trajectory=ODD[name]), entry(2, "b", "a", trajectory=ODD[name], fall=fall))
    drawn = pictures_of(made_up_benchmark(entries=entries, level=level))
    assert len(drawn) == (0 if name == "no scores" else 1 if name == "one score" else 4)
    for picture in drawn:
        assert picture.description
        for width, height, x, y in coordinates(picture):
            assert 0 <= x <= width
            assert 0 <= y <= height
        assert "nan" not in picture.wide


def test_labels_of_steps_do_not_overlap_and_both_ends_have_one():
    entries = (entry(1, "a", None, trajectory=ODD["crowded"]), entry(2, "b", "a", trajectory=ODD["crowded"]))
    benchmark = made_up_benchmark(entries=entries, level=1030.0)
    field = field_of(entries)
    assert field is not None
    picture = trajectory_picture(entries[0], benchmark, field)
    assert picture is not None
    labels = re.findall(r'<text class="s-tick s-(?:mid|end)" x="([\d.]+)" y="[\d.]+">(1,\d+)</text>', picture.wide)
    places = sorted(float(x) for x, _ in labels)
    assert {"1,000", "1,059"} <= {label for _, label in labels}
    assert all(later - earlier > 30 for earlier, later in pairwise(places))


def test_a_fall_is_told_by_shape_and_word_not_by_colour_alone():
    benchmark = made_up_benchmark()
    field = field_of(benchmark.entries)
    assert field is not None
    small = next(one for one in benchmark.entries if one.model == "small")
    picture, whole = trajectory_picture(small, benchmark, field), field_picture(benchmark, field)
    assert picture is not None
    assert whole is not None
    assert 's-peak" d="M' in picture.wide
    assert ("dot-beyond", "best score before the fall") in picture.legend
    assert ("line-fall", "1: small") in whole.legend
    assert ">1</text>" in whole.wide


@pytest.mark.parametrize(
    "changes",
    [
        {"level": None, "levels": (), "untuned": (), "seals": (), "notes": (), "source": "", "headline": ""},
        {"entries": ()},
        {"entries": (), "untuned": (), "levels": ()},
        {"entries": (entry(1, "a", None, direct=None, gain=None, trajectory=()),)},
        {"level": 0.0, "direct_level": 0.0},
        {"direct_level": 10.0},
        {"cost_unit": "steps", "rewards": ""},
    ],
)
def test_odd_benchmarks_have_pages_too(changes: dict[str, object]):
    one = made_up_benchmark(**changes)
    for benchmarks in ((one,), (one, replace(made_up_benchmark(), name="other"))):
        site = site_files(made_up_release(benchmarks=benchmarks))
        assert b"</html>" in site["index.html"]
        assert "benchmarks/made-up.html" in site
