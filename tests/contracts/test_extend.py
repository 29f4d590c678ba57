"""The page "Extend headstart" is one package: it is installed as it stands there, and everything it shows is tried."""

import doctest
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "extend.md"
BLOCK = re.compile(
    r"^```\{code-block\} (?P<language>\w+)\n(?::caption: (?P<name>\S+)\n)?\n?(?P<text>.*?)^```$", re.M | re.S
)
BLOCKS = [match.groupdict() for match in BLOCK.finditer(PAGE.read_text())]


def blocks(language: str) -> list[str]:
    return [block["text"] for block in BLOCKS if block["language"] == language and not block["name"]]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extras")
    for block in BLOCKS:
        if block["name"]:
            path = folder / block["name"]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block["text"])
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = folder / "headstart_extras-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        line
        for group, offers in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {place}" for name, place in offers.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # the package's folder on the path is what an installation comes to; the rest of the path stays as it is
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "400"}
    return subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_page_registers_a_member_of_every_family(package: Path) -> None:
    groups = set(tomllib.loads((package / "pyproject.toml").read_text())["project"]["entry-points"])
    source = "\n".join(path.read_text() for path in (PAGE.parents[2] / "src").rglob("*.py"))
    assert set(re.findall(r'\bgroup="(headstart\.(?!doctest)\w+)"', source)) == groups
    assert distribution("headstart").metadata["Name"] == "headstart"


@pytest.mark.parametrize("shown", blocks("console"), ids=lambda shown: shown.split("\n")[0])
def test_a_command_prints_what_the_page_shows(package: Path, shown: str) -> None:
    command, *lines = shown.removeprefix("$ ").rstrip("\n").split("\n")
    program, *arguments = command.split()
    assert program == "headstart"
    done = run(package, sys.executable, "-c", "from headstart.cli import main; main()", *arguments)
    printed = done.stdout + done.stderr
    expected = ".*".join(re.escape(part) for part in "\n".join(lines).split("..."))
    assert re.search(expected, printed, re.S), printed


@pytest.mark.parametrize("shown", blocks("pycon"), ids=lambda shown: shown.split("\n")[0])
def test_a_session_answers_as_the_page_shows(package: Path, shown: str) -> None:
    test = doctest.DocTestParser().get_doctest(shown, {}, "session", None, None)
    assert test.examples
    (package / "session.txt").write_text(shown)
    done = run(package, sys.executable, "-m", "doctest", "session.txt")
    assert done.returncode == 0, done.stdout


def test_a_broken_member_harms_only_who_uses_it(package: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    info = broken / "broken_extras-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-extras\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[headstart.curves]\ncubic = nowhere_at_all:Cubic\n")
    contest = (package / "gompertz.toml").read_text().replace("gompertz", "logit_power")
    contest = contest.replace("limit = 0.9, delay = 0.8, rate = 0.01", "L = 0.2, U = 0.9, alpha = 0.0, beta = 1.0")
    (broken / "sound.toml").write_text(
        contest.replace("limit = 0.9, delay = 1.0, rate = 0.01", "L = 0.2, U = 0.8, alpha = 0.0, beta = 1.0")
    )
    (broken / "broken.toml").write_text((package / "gompertz.toml").read_text().replace('"gompertz"', '"cubic"'))
    start = (sys.executable, "-c", "from headstart.cli import main; main()", "solve")
    assert run(broken, *start, "sound.toml").returncode == 0
    failed = run(broken, *start, "broken.toml")
    assert failed.returncode == 2
    told = "the curve law 'cubic' of the package broken-extras (entry point nowhere_at_all:Cubic in headstart.curves)"
    why = "ModuleNotFoundError: No module named 'nowhere_at_all'"
    assert f"headstart: broken.toml, field models[0].curve.kind: {told} cannot be loaded ({why})" in failed.stderr
