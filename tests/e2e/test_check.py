"""Checking a published ranking and exposure to private variants on the command line, as their pages show them."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from typer.testing import CliRunner

from headstart import __version__
from headstart.cli import app

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
CHANGELOG = (HOWTO.parents[1] / "CHANGELOG.md").read_text()
PAGE = (HOWTO / "check-in-ci.md").read_text()


def table_of(page: str) -> str:
    found = re.search(r"`ranking\.csv`:\n\n```text\n(.*?)```", page, flags=re.DOTALL)
    assert found
    return found.group(1)


def commands_of(page: str) -> list[str]:
    return [line for block in re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL) for line in block.splitlines()]


def first_version_with(line: str) -> str:
    """The version whose changes hold a line; while they are not released, the next one with new commands."""
    section = CHANGELOG.partition(line)[0].rpartition("\n## ")[2].splitlines()[0]
    if section != "Unreleased":
        return section.split()[0]
    if ".dev" in __version__:
        return __version__.partition(".dev")[0]
    major, minor, _ = __version__.split(".")
    return f"{major}.{int(minor) + 1}.0"


def run(command: str, monkeypatch: pytest.MonkeyPatch, folder: Path):
    """A command in this process; a process of its own is started once below."""
    monkeypatch.chdir(folder)
    words = shlex.split(command)
    assert words[0] == "headstart"
    return CliRunner().invoke(app, words[1:], standalone_mode=False)


@pytest.mark.parametrize("page", ["check-in-ci", "private-variants"])
def test_every_command_of_the_page_works(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (HOWTO / f"{page}.md").read_text()
    (tmp_path / "ranking.csv").write_text(table_of(text))
    commands = commands_of(text)
    assert len(commands) >= 3
    for command in commands:
        done = run(command, monkeypatch, tmp_path)
        assert done.exception is None and not done.return_value, (command, done.output)
        assert done.output.strip()


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (HOWTO / "private-variants.md").read_text(), flags=re.DOTALL)
    exec(compile(code, "private-variants.md", "exec"), {})
    assert capsys.readouterr().out.startswith("[0.     0.0085 0.0154 0.02  ]")


def test_the_workflow_reads_only_and_its_command_fails_an_unsupported_ranking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    workflow = yaml.safe_load(text)
    events = workflow[True]  # what YAML makes of the key "on"
    assert list(events) == ["pull_request"] and workflow["permissions"] == {"contents": "read"}
    assert "secrets" not in text
    (job,) = workflow["jobs"].values()
    steps = job["steps"]
    assert all("@v" in step["uses"] for step in steps if "uses" in step)
    assert steps[0]["with"] == {"persist-credentials": False}
    commands = [step["run"] for step in steps if "run" in step]
    pinned = re.search(r"pip install headstart==(\d+\.\d+\.\d+)$", commands[0])
    assert pinned and pinned.group(1) == first_version_with("* `headstart check RANKING`")
    (check,) = [command for command in commands if command.startswith("headstart ")]
    strict = table_of(PAGE).replace("2-3,beta", "2,beta").replace("2-3,gamma", "3,gamma")
    (tmp_path / "ranking.csv").write_text(strict)
    done = run(check, monkeypatch, tmp_path)
    assert done.return_value == 1
    assert "Publish instead: beta, gamma share rank 2–3." in " ".join(done.output.split())
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("## Ranking check: not supported") and "beta, gamma share rank 2–3" in summary
    assert ElementTree.parse(tmp_path / "checks.xml").getroot().get("failures") == "2"
    (tmp_path / "ranking.csv").write_text(table_of(PAGE))
    assert run(check, monkeypatch, tmp_path).return_value == 0
    assert ElementTree.parse(tmp_path / "checks.xml").getroot().get("failures") == "0"


def test_the_process_ends_with_status_1_and_with_2_where_nothing_could_be_checked(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from headstart.cli import main; main()", "check", "board.md", "--json", "-"]
    rows = "| model | score | stderr |\n| --- | --- | --- |\n| a | 0.71 | 0.01 |\n| b | 0.70 | 0.01 |\n"
    (tmp_path / "board.md").write_text(rows)
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=120)
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "headstart.check/1" and document["supported"] is False
    (one,) = document["rankings"]
    assert one["shared"] == [[["a", "b"], 1, 2]] and one["findings"][0]["instead"] == "a, b share rank 1–2"
    (tmp_path / "board.md").write_text(rows.replace("0.01", "-"))
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=120)
    assert done.returncode == 2 and "must tell how noisy the scores are" in done.stderr and not done.stdout


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("headstart check ranking.csv --claim order", "--claim must be pairs or groups"),
        ("headstart check ranking.csv --json - --markdown -", "only one output"),
        ("headstart check ranking.csv --seal nowhere.json", "does not exist"),
        ("headstart check ranking.csv --junit no/checks.xml", "does not exist"),
        ("headstart check ranking.csv --benchmark x", "benchmark must be one of"),
        ("headstart variants", "--sd must be given"),
        ("headstart variants ranking.csv --published 1", "--published is for a single score"),
        ("headstart variants ranking.csv --rewards top:9:1", "k"),
    ],
)
def test_bad_usage_is_told_and_writes_nothing(
    command: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ranking.csv").write_text(table_of(PAGE))
    done = run(command, monkeypatch, tmp_path)
    assert done.exception is not None and words in str(done.exception)
    assert getattr(done.exception, "exit_status", None) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["ranking.csv"]
