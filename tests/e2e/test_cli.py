"""The command line as a user meets it: exit statuses, pipes, no half-written files, quick help."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headstart.cli import main

CONTEST = """
schema = "headstart.contest/1"
rewards = [1.0, 0.0]
[defaults]
cost = { kind = "power", scale = 1.0, exponent = 1.0, free = 0.0 }
[[models]]
name = "strong"
curve = { kind = "linear", intercept = 0.5, slope = 1.0 }
[[models]]
name = "weak"
curve = { kind = "linear", intercept = 0.0, slope = 1.0 }
"""

TRAJECTORIES = "model,step,score,n_items\n" + "".join(
    f"{name},{step},{score},500\n"
    for name, scores in {"a": (0.5, 0.6, 0.66, 0.7), "b": (0.3, 0.45, 0.55, 0.62), "c": (0.26, 0.3, 0.4, 0.5)}.items()
    for step, score in zip((0, 10, 100, 1000), scores, strict=True)
)


def headstart(*arguments: str, given: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from headstart.cli import main; main()", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, cwd=cwd, check=False, timeout=120)


def test_solve_reads_standard_input_and_writes_standard_output() -> None:
    done = headstart("solve", "-", "--json", "-", given=CONTEST)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["pure"]["verdict"] == "none"  # nothing but the document


def test_solve_tells_the_verdict_on_a_terminal() -> None:
    done = headstart("solve", "-", given=CONTEST)
    assert done.returncode == 0
    assert "no pure equilibrium exists" in done.stdout and "weak takes strong's place" in done.stdout


def test_audit_writes_all_it_is_asked_for(tmp_path: Path) -> None:
    done = headstart(
        "audit", "-", "--levels", "0,100", "--rewards", "winner:50", "--draws", "20",
        "--json", "audit.json", "--contest", "fitted.toml", given=TRAJECTORIES, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "audit.json").read_text())
    assert document["schema"] == "headstart.audit/1"
    assert [row["level"] for row in document["levels"]] == [0.0, 100.0]
    solved = headstart("solve", "fitted.toml", "--no-mixed", "--json", "-", cwd=tmp_path)
    assert solved.returncode == 0, solved.stderr
    assert json.loads(solved.stdout)["pure"]["verdict"] in ("exists", "none")
    assert "fitted curves among developers who know them, not of the measurements" in solved.stderr


def test_audit_json_on_standard_output_is_nothing_but_the_document() -> None:
    done = headstart("audit", "-", "--draws", "20", "--backtest", "0", "--json", "-", given=TRAJECTORIES)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["backtest"] is None


BAD = {
    "a file that is not there": (("solve", "missing.toml"), "", "missing.toml"),
    "a contest without models": (("solve", "-"), 'schema = "headstart.contest/1"\nrewards = [1.0]\n', "models"),
    "rewards that rise": (("solve", "-"), CONTEST.replace("[1.0, 0.0]", "[0.0, 1.0]"), "rewards"),
    "an unknown option": (("solve", "-", "--fast"), CONTEST, "--fast"),
    "an unknown command": (("solv",), "", "solv"),
    "a missing argument": (("audit",), "", "TRAJECTORIES"),
    "a score that is no number": (("audit", "-"), "model,step,score\na,0,high\n", "row 2, field score"),
    "levels that are no numbers": (("audit", "-", "--levels", "0,x"), TRAJECTORIES, "--levels must be numbers"),
    "negative levels": (("audit", "-", "--levels=-1"), TRAJECTORIES, "levels must be finite numbers >= 0"),
    "rewards of no known form": (("audit", "-", "--rewards", "lots"), TRAJECTORIES, "rewards must be"),
    "a score range of one number": (
        ("audit", "-", "--score-range", "100"),
        TRAJECTORIES,
        "--score-range must be LOW:HIGH",
    ),
    "a choice that is none": (("audit", "-", "--on-forgetting", "hide"), TRAJECTORIES, "--on-forgetting must be"),
    "a backtest of everything": (("audit", "-", "--backtest", "1"), TRAJECTORIES, "--backtest must be"),
    "a seed below 0": (("audit", "-", "--seed", "-1"), TRAJECTORIES, "--seed"),
    "a score range upside down": (("audit", "-", "--score-range", "1:0"), TRAJECTORIES, "--score-range must be"),
    "a page on standard output": (("audit", "-", "--html", "-"), TRAJECTORIES, "only --json writes to standard output"),
    "a page with too long a name": (("audit", "-", "--html", "9" * 400), TRAJECTORIES, "File name too long"),
    "a page in no folder": (("audit", "-", "--html", "nowhere/page.html"), TRAJECTORIES, "nowhere/page.html"),
    "a contest file of no known kind": (("audit", "-", "--contest", "fitted.txt"), TRAJECTORIES, "fitted.txt"),
    "too few models": (
        ("audit", "-"),
        "model,step,score\na,0,0.1\na,10,0.2\na,100,0.3\na,200,0.4\n",
        "audit needs at least 2 models",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_exits_2_names_the_mistake_and_writes_nothing(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments, given, named = BAD[case]
    outputs = [] if len(arguments) == 1 and arguments[0] != "solve" else ["--json", "out.json"]
    # in this process: a new one takes seconds to import what is then refused
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["headstart", *arguments, *outputs])
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    with pytest.raises(SystemExit) as ended:
        main()
    printed, said = capfd.readouterr()
    assert ended.value.code == 2, said
    assert named in said
    assert "Traceback" not in said and printed == ""
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    done = headstart("solve", "-", "--json", "nowhere/answer.json", given=CONTEST, cwd=tmp_path)
    assert done.returncode == 2
    assert "nowhere/answer.json" in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_exits_130(tmp_path: Path) -> None:
    script = (
        "import headstart.contest.contest_file as files\n"
        "def interrupted(_): raise KeyboardInterrupt\n"
        "files.read_document = interrupted\n"
        "from headstart.cli import main; main()\n"
    )
    command = [sys.executable, "-c", script, "solve", "-", "--json", "out.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "headstart: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -c 'from headstart.cli import main; main()' solve - | head -c 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], input=CONTEST, capture_output=True, text=True,
                          check=False, timeout=120)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_names_are_shown_as_they_are() -> None:
    name = "[red]strong[/b] :smile:"
    done = headstart("solve", "-", given=CONTEST.replace('"strong"', f'"{name}"'))
    assert done.returncode == 0, done.stderr
    table = done.stdout.partition("Price of each rank")[2]
    assert name in table


def test_a_contest_with_noisy_scores_is_solved_from_its_file() -> None:
    done = headstart("solve", "-", given=CONTEST.replace("[defaults]", "noise_sd = 0.1\n[defaults]"))
    assert done.returncode == 0, done.stderr
    assert "With noisy scores" in done.stdout


def test_version_and_help() -> None:
    from headstart import __version__

    assert headstart("--version").stdout == f"headstart {__version__}\n"
    text = headstart("--help").stdout
    assert all(command in text for command in ("audit", "demo", "fit", "solve", "import"))


@pytest.mark.parametrize("arguments", [["--help"], ["audit", "--help"], ["solve", "--help"], ["--version"]])
def test_help_answers_without_loading_the_library(arguments: list[str]) -> None:
    script = (
        "import sys; sys.argv[1:] = " + repr(arguments) + "\n"
        "from headstart.cli import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert not ended.code\n"
        "heavy = {'numpy', 'scipy', 'polars', 'altair', 'flint'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
