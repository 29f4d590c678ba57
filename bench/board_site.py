"""A leaderboard's pages: how long they take to build, how large they are, and how fast they are in a browser.

    OMP_NUM_THREADS=1 python bench/board_site.py [--axe axe.min.js]

The release of 500 models is an audit of simulated trajectories (simulated.py) at ten checkpoints, 1,000 items. The one
of 5,000 rows is made of the same entries ten times over, under other names and with ranks of their own. Pages are read
by headless Chromium from a server on this machine's loopback, as they are, without compression. A sort is measured from
the click until the frame that shows it was painted, at its first time, when the keys of the column are made; once with
100 rows a page, as the page opens, and once with all rows on one page. Without Chromium the figures of the browser are
left out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from simulated import draw_curves, measure

from headstart.auditing.audit import audit
from headstart.board.site.build import build_site
from headstart.board.site.from_audit import benchmark_from
from headstart.board.site.values import Entry, LedgerEntry, Place, Release

RESULT = Path(__file__).parent / "results" / "board_site.json"
MODELS, ROWS = 500, 5000
BUILD_S, GZIP_KB, PAINT_S, SORT_S = 10.0, 60.0, 0.5, 0.3
CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
REPEATS = 5

SORT = """
const [heading, size, done] = arguments;
const select = document.querySelector('[data-role="size"]');
select.value = size;
select.dispatchEvent(new Event("input"));
document.body.offsetHeight;
requestAnimationFrame(() => setTimeout(() => {
  const start = performance.now();
  document.querySelectorAll("#ranking thead button")[heading].click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
}, 50));
"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing about it."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def measured_release() -> Release:
    """500 models, audited."""
    rng = np.random.default_rng(0)
    curves = draw_curves("mixed", MODELS, rng)
    found = audit(measure(curves, 1000, rng), source="simulated.csv", backtest_fraction=None)
    ledger = tuple(
        LedgerEntry(seq=at, time="2026-01-31T00:00:00+00:00", event="published", subject=f"m{at}", hash=f"{at:064x}")
        for at in range(1, MODELS + 1)
    )
    return Release(
        title="Simulated", created_at="2026-01-31T00:00:00+00:00", benchmarks=(benchmark_from(found),), ledger=ledger
    )


def many_rows(release: Release) -> Release:
    """The entries ten times over, each copy below the one before."""
    (benchmark,) = release.benchmarks
    entries = [
        replace(one, model=f"{one.model}-{copy}", direct=below(one.direct, copy), tuned=below(one.tuned, copy))
        for copy in range(ROWS // MODELS)
        for one in benchmark.entries
    ]
    return replace(
        release, benchmarks=(replace(benchmark, entries=tuple(map(without_trajectory, entries))),), ledger=()
    )


def below(place: Place | None, copy: int) -> Place | None:
    """The place with so many whole fields above it."""
    if place is None or place.best_rank is None or place.worst_rank is None:
        return place
    names = ("rank", "best_rank", "worst_rank", "shared_rank", "last_place")
    return replace(place, **{name: getattr(place, name) + copy * MODELS for name in names})


def without_trajectory(entry: Entry) -> Entry:
    """The ranking alone is measured at 5,000 rows, so the pages of the models may be small."""
    return replace(entry, trajectory=entry.trajectory[:1])


def built(release: Release, folder: Path) -> dict[str, object]:
    """Seconds of builds into new folders, and whether all have the same bytes."""
    seconds, digests = [], []
    for at in range(3):
        start = time.perf_counter()
        made = build_site(release, folder / f"build-{at}")
        seconds.append(time.perf_counter() - start)
        digests.append(dict(made.files))
    start = time.perf_counter()
    again = build_site(release, folder / "build-0")
    index = (folder / "build-0" / "index.html").read_bytes()
    return {
        "files": len(digests[0]),
        "build_s_median": round(statistics.median(seconds), 2),
        "build_s_largest": round(max(seconds), 2),
        "build_again_s": round(time.perf_counter() - start, 2),
        "written_again": len(again.written),
        "same_bytes": digests[0] == digests[1] == digests[2],
        "ranking_kb": round(len(index) / 1000, 1),
        "ranking_gzip_kb": round(len(gzip.compress(index, 6, mtime=0)) / 1000, 1),
    }


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder by HTTP on the loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@contextmanager
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(CHROMIUM)
    with tempfile.TemporaryDirectory() as profile:
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"):
            options.add_argument(flag)
        options.add_argument(f"--user-data-dir={profile}")
        driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
        driver.set_window_size(1400, 900)
        try:
            yield driver
        finally:
            driver.quit()


def opened(driver: Any, address: str) -> float:
    """Seconds until something of the page was painted."""
    driver.get("about:blank")
    driver.get(address)
    while driver.execute_script("return document.body.dataset.ready") != "yes":
        time.sleep(0.02)
    paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
    while (found := driver.execute_script(f"return {paint}")) is None:
        time.sleep(0.02)
    return found / 1000


def in_browser(driver: Any, address: str) -> dict[str, object]:
    """First paint, and the sorts of every column."""
    paints = [opened(driver, f"{address}/index.html") for _ in range(REPEATS)]
    columns = driver.execute_script("return document.querySelectorAll('#ranking thead button').length")
    sorts: dict[str, list[float]] = {"100": [], "0": []}
    for size, found in sorts.items():
        for column in range(columns):
            opened(driver, f"{address}/index.html")
            found.append(driver.execute_async_script(SORT, column, size) / 1000)
    return {
        "first_paint_s_median": round(statistics.median(paints), 3),
        "first_paint_s_largest": round(max(paints), 3),
        "sort_s_largest": round(max(sorts["100"]), 3),
        "sort_s_median": round(statistics.median(sorts["100"]), 3),
        "sort_all_on_one_page_s_largest": round(max(sorts["0"]), 3),
    }


def rules(driver: Any, address: str, pages: list[str], axe: str) -> dict[str, object]:
    """Violations of the rules of axe-core, on every kind of page, light and dark, wide and narrow."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        for width in (390, 1400):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            for page in pages:
                opened(driver, f"{address}/{page}")
                driver.execute_script(axe)
                for one in driver.execute_async_script("axe.run().then(arguments[0])")["violations"]:
                    found.append(f"{page} ({scheme}, {width}): {one['id']}")
    version = driver.execute_script("return axe.version")
    return {"axe_core": version, "pages": len(pages), "violations": len(found), "which": sorted(found)}


def main() -> None:
    """Measure, print and write the result."""
    parser = argparse.ArgumentParser(description="See the first lines of this file.")
    parser.add_argument("--axe", type=Path, help="axe.min.js; by default that of axe-core-python")
    chosen = parser.parse_args()
    start = time.perf_counter()
    release = measured_release()
    result: dict[str, Any] = {"audit_of_500_s": round(time.perf_counter() - start, 1)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result["500"] = built(release, folder / "500")
        result["5000"] = built(many_rows(release), folder / "5000")
        if CHROMIUM.exists() and DRIVER.exists():
            with browser() as driver:
                for size in ("500", "5000"):
                    with served(folder / size / "build-0") as address:
                        result[size] |= in_browser(driver, address)
                axe = (chosen.axe or files("axe_core_python").joinpath("axe.min.js")).read_text(encoding="utf-8")
                site = folder / "500" / "build-0"
                pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
                kinds = [one for one in pages if not one.startswith("models/")]
                with served(site) as address:
                    result["rules"] = rules(driver, address, kinds + pages[len(kinds) :: 60], axe)
    small, large = result["500"], result["5000"]
    result["targets"] = {"build_s": BUILD_S, "gzip_kb": GZIP_KB, "first_paint_s": PAINT_S, "sort_s": SORT_S}
    result["met"] = {
        "built in time": small["build_s_largest"] <= BUILD_S,
        "same bytes": small["same_bytes"] and large["same_bytes"] and small["written_again"] == 0,
        "small enough": small["ranking_gzip_kb"] <= GZIP_KB,
    }
    if "rules" in result:
        result["met"] |= {
            "painted in time": small["first_paint_s_largest"] <= PAINT_S,
            "sorted in time at 500 rows": small["sort_s_largest"] <= SORT_S,
            "sorted in time at 5,000 rows": large["sort_s_largest"] <= SORT_S,
            "no rule broken": result["rules"]["violations"] == 0,
        }
    print(json.dumps(result, indent=2))
    RESULT.write_text(json.dumps({"machine": machine(), **result}, indent=2) + "\n")


if __name__ == "__main__":
    main()
