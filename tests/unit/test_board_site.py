"""A leaderboard's pages: what they say, what they never do, and which files they are."""

import csv
import hashlib
import io
import json
import os
import re
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import polars as pl
import pytest

from headstart.board.site.build import MANIFEST, build_site, site_files
from headstart.board.site.names import slug, slugs
from headstart.board.site.tables import FORMULA, csv_bytes
from headstart.board.site.values import Download, Link, Place, Release
from headstart.board.site.wording import can_tell
from headstart.errors import InputError
from site_cases import API, HOSTILE, NAMES, SEAL, entry, hostile_release, made_up_benchmark, made_up_release


class Tags(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, page: bytes):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def text_of(page: bytes) -> str:
    return re.sub(r"\s+", " ", " ".join(Tags(page).texts).replace("\u00a0", " "))


@pytest.fixture(scope="module")
def made_up() -> dict[str, bytes]:
    return site_files(made_up_release())


@pytest.fixture(scope="module")
def hostile() -> dict[str, bytes]:
    return site_files(hostile_release())


def test_a_site_has_a_page_for_everything(made_up: dict[str, bytes]):
    wanted = {"index.html", "method.html", "ledger.html", "downloads.html", "benchmarks/made-up.html"}
    wanted |= {f"models/{name}.html" for name in NAMES}
    assert wanted <= made_up.keys()
    assert {"data/ranking.csv", "data/ranking.parquet", "data/release.json", "data/extra.txt"} <= made_up.keys()


def test_the_first_sentence_says_what_the_ranking_can_and_cannot_tell():
    ranked = replace(made_up_benchmark(), entries=(entry(1, "a", None), entry(2, "b", "a"), entry(3, "c", "b")))
    assert can_tell(ranked) == (
        "This ranking can tell 2 of the 3 pairs of models apart after 1,000 steps of the same tuning (95 %, all at "
        "once); it cannot order models that share a rank, and it tells nothing about models that are not listed, other "
        "tasks or other tuning."
    )
    unknown = entry(1, "a", None, tuned=Place(score=0.5, rank=1, shared_rank=1, last_place=1))
    assert "no standard errors" in can_tell(replace(ranked, entries=(unknown, entry(2, "b", "a"))))
    assert "cannot rank" in can_tell(replace(ranked, entries=(unknown,)))


def test_the_ranking_shows_direct_beside_tuned_ranks_with_prices_and_gains(made_up: dict[str, bytes]):
    text = text_of(made_up["index.html"])
    assert "This ranking can tell" in text
    row = text[text.index("medium") :][:200]
    assert "2–3" in row  # ranks that noise leaves
    assert "0.700 ±0.010" in row
    assert "0.8 USD [10–beyond steps]" in row
    assert "4 % [0–10 %]" in row
    assert "at chance" in row
    assert "▲ 1" in row
    assert "=2" in text[: text.index("medium")]
    small = text[text.index(" small ") :][:200]
    assert "out of reach" in small
    assert "falls" in small


def test_contestants_that_cannot_be_tuned_stand_apart(made_up: dict[str, bytes]):
    text = text_of(made_up["index.html"])
    ranking, apart = text.split("Contestants that cannot be tuned", 1)
    assert API not in ranking
    assert f"large {API}" in apart
    assert "1–2 [2–3]" in apart


def test_a_page_of_a_model_tells_its_fall_its_attempts_and_who_shares_its_rank(made_up: dict[str, bytes]):
    small, large = text_of(made_up["models/small.html"]), text_of(made_up["models/large.html"])
    assert "0.610 after 10 steps, 0.500 after 1,000 steps" in small
    assert "Shares its rank with medium" in small
    assert "3 submissions by its team" in large
    assert "A team" in large
    assert "nobody keeps a record" in small
    assert b"<svg" in made_up["models/small.html"]


def test_every_link_leads_to_a_file_of_the_site(made_up: dict[str, bytes], hostile: dict[str, bytes]):
    for site in (made_up, hostile):
        for path, page in site.items():
            if not path.endswith(".html"):
                continue
            tags = Tags(page).tags
            ids = {attributes["id"] for _, attributes in tags if "id" in attributes}
            for _, attributes in tags:
                for name in ("href", "src"):
                    address = attributes.get(name)
                    if address is None or address.startswith(("data:,", "/submit", "https://example.org/")):
                        continue
                    target, _, anchor = unquote(address).partition("#")
                    found = os.path.normpath(PurePosixPath(path).parent / target) if target else path
                    assert found in site, (path, address)
                    if anchor and found == path:
                        assert anchor in ids


def test_hostile_names_stay_text(hostile: dict[str, bytes]):
    pages = {path: page for path, page in hostile.items() if path.endswith(".html")}
    forbidden = {"img", "iframe", "object", "style", "base", "form"}
    for page in pages.values():
        tags = Tags(page).tags
        assert not forbidden & {tag for tag, _ in tags}
        scripts = [attributes for tag, attributes in tags if tag == "script"]
        assert [attributes.get("src", "").endswith("assets/board.js") for attributes in scripts] == [True]
        assert not any(name.startswith("on") or name == "style" for _, attributes in tags for name in attributes)
    shown = "".join(text_of(page) for page in pages.values())
    for name in HOSTILE:
        assert name in shown


def test_file_names_are_made_by_the_site_and_differ(hostile: dict[str, bytes]):
    assert all(re.fullmatch(r"([a-z]+/)?[a-z0-9][a-z0-9._-]*", path) for path in hostile)
    assert all(".." not in path for path in hostile)
    assert sum(path.startswith("models/") for path in hostile) == 10
    names = ["a", "A", "á", "a/../b", "a-559aead0", "con", "NUL", "", ".", "x" * 500, "x" * 501, "模型", "index"]
    found = slugs(names)
    assert len({one.casefold() for one in found.values()}) == len(names)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,80}", one) for one in found.values())
    assert slug("con") != "con"


def test_pages_allow_no_script_but_their_own(hostile: dict[str, bytes]):
    for path, page in hostile.items():
        if path.endswith(".html"):
            policies = [a["content"] for tag, a in Tags(page).tags if a.get("http-equiv") == "Content-Security-Policy"]
            assert len(policies) == 1
            assert policies[0] is not None
            assert policies[0].startswith("default-src 'none'; script-src 'self' file:;")
            assert "unsafe" not in policies[0]


def test_no_cell_of_a_csv_file_starts_a_formula(hostile: dict[str, bytes]):
    for name in ("ranking", "trajectories", "ledger"):
        rows = list(csv.reader(io.StringIO(hostile[f"data/{name}.csv"].decode())))
        assert len(rows) > 1
        assert not [cell for row in rows for cell in row if cell.startswith(FORMULA) and not is_number(cell)]
    assert csv_bytes([{"a": start + "x"} for start in FORMULA], ["a"]).decode().count("'") == len(FORMULA)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_the_downloads_hold_what_the_pages_show(made_up: dict[str, bytes]):
    frame = pl.read_parquet(io.BytesIO(made_up["data/ranking.parquet"]))
    assert frame["model"].to_list() == [*NAMES, f"large {API}"]
    assert frame["tier"].to_list() == ["tuned"] * 4 + ["cannot be tuned"]
    assert frame["rank"].to_list() == [1, 2, 3, None, None]
    assert frame["published_rank"].to_list() == [1, 2, 2, None, None]
    assert frame["attempts"].to_list() == [3, None, None, None, None]
    assert frame.columns == made_up["data/ranking.csv"].decode().splitlines()[0].split(",")
    document = json.loads(made_up["data/release.json"])
    assert document["schema"] == "headstart.release/1"
    assert document["benchmarks"][0]["entries"][1]["tuned"]["shared_rank"] == 2
    assert SEAL in text_of(made_up["method.html"])
    digest = hashlib.sha256(made_up["data/extra.txt"]).hexdigest()
    assert digest in text_of(made_up["downloads.html"])


def test_the_scores_can_be_audited_again(tmp_path: Path, made_up: dict[str, bytes]):
    from headstart.data.trajectory_files import read_trajectories

    path = tmp_path / "trajectories.csv"
    path.write_bytes(made_up["data/trajectories.csv"])
    read = read_trajectories(path)
    assert sorted(read.models) == sorted(NAMES)
    assert read.benchmark == "made-up"


def test_the_scores_are_offered_as_records_of_every_eval_ever(made_up: dict[str, bytes]):
    with zipfile.ZipFile(io.BytesIO(made_up["data/every-eval-ever.zip"])) as packed:
        records = [json.loads(packed.read(name)) for name in packed.namelist()]
        assert not [name for name in packed.namelist() if ".." in name or name.startswith("/")]
    assert len(records) == 16  # four models at four steps
    last = [one for one in records if one["model_info"]["id"] == "medium" and "step-1000" in one["evaluation_id"]]
    assert last[0]["evaluation_results"][0]["score_details"]["details"]["worst_rank"] == "3"


def test_the_ledger_shows_every_line_or_says_that_there_is_none(made_up: dict[str, bytes]):
    text = text_of(made_up["ledger.html"])
    assert all(f"{at:064x}" in text for at in range(1, 4))
    assert "There is no ledger" in text_of(site_files(made_up_release(ledger=()))["ledger.html"])


def test_several_benchmarks_get_a_table_of_ranks_and_no_overall_rank():
    both = (made_up_benchmark("one"), made_up_benchmark("two", names=("large", "other", "small", "tiny")))
    site = site_files(made_up_release(benchmarks=both))
    text = text_of(site["index.html"])
    assert "it cannot say which model is best over all of them" in text
    assert "5 models" not in text  # six with the contestant that cannot be tuned
    assert {"benchmarks/one.html", "benchmarks/two.html", "models/other.html"} <= site.keys()
    assert "This ranking can tell" in text_of(site["benchmarks/two.html"])


def test_the_same_release_gives_the_same_bytes(made_up: dict[str, bytes]):
    assert site_files(made_up_release()) == made_up


def test_a_second_build_writes_what_changed_and_removes_what_is_gone(tmp_path: Path):
    out = tmp_path / "site"
    first = build_site(made_up_release(), out)
    assert set(first.written) == set(first.files)
    (out / "CNAME").write_text("example.org")
    again = build_site(made_up_release(), out)
    assert (again.written, again.removed) == ((), ())
    assert again.files == first.files
    changed = build_site(made_up_release(names=("large", "medium", "small", "new")), out)
    assert "models/tiny.html" in changed.removed
    assert "models/new.html" in changed.written
    assert not (out / "models" / "tiny.html").exists()
    assert (out / "CNAME").exists()
    manifest = json.loads((out / MANIFEST).read_text())
    assert manifest["files"] == changed.files
    found = {path: hashlib.sha256((out / path).read_bytes()).hexdigest() for path in changed.files}
    assert found == changed.files


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds files that are no site"):
        build_site(made_up_release(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_manifest_cannot_name_files_outside_the_site(tmp_path: Path):
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    out = tmp_path / "site"
    build_site(made_up_release(), out)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept.txt").write_text("mine")
    (out / "linked").symlink_to(tmp_path / "elsewhere")
    manifest = json.loads((out / MANIFEST).read_text())
    manifest["files"] |= {"../victim.txt": "", str(victim): "", "linked/kept.txt": ""}
    (out / MANIFEST).write_text(json.dumps(manifest))
    assert build_site(made_up_release(), out).removed == ()
    assert victim.exists()
    assert (tmp_path / "elsewhere" / "kept.txt").exists()


def test_values_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="created_at must be a time in ISO 8601, got 'yesterday'"):
        made_up_release(created_at="yesterday")
    with pytest.raises(InputError, match="benchmarks must be at least one"):
        Release(title="x", created_at="2026-01-01", benchmarks=())
    with pytest.raises(InputError, match="different from each other"):
        made_up_benchmark(names=("a", "a", "b", "c"))
    with pytest.raises(InputError, match="name of a download"):
        Download(name="../x.txt", title="x", data=b"")
    for address in ("javascript:alert(1)", "//elsewhere.org", "data:text/html,x", "/\\elsewhere.org", ""):
        with pytest.raises(InputError, match="address of a link"):
            Link(label="x", address=address)
    with pytest.raises(InputError, match="around the rank"):
        Place(score=0.5, rank=1, best_rank=2, worst_rank=3, shared_rank=2, last_place=3)
