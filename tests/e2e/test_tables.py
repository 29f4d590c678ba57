"""Tables of every kind on the command line, and what the how-to pages promise of them."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from two_column_tables import made_up, nested, wide

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
MADE = made_up(models=8, tasks=3)


def headstart(*arguments: str, cwd: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from headstart.cli import main; main()", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, cwd=cwd, check=False, timeout=120)


def tables_of(page: str) -> dict[str, str]:
    """The files a page shows: a name in backticks and a colon, then a block."""
    shown = re.findall(r"^ *`([\w.-]+)`:\n\n( *)```\w+\n(.*?)^ *```", page, flags=re.DOTALL | re.MULTILINE)
    return {name: re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for name, indent, text in shown}


@pytest.mark.parametrize("page", ["audit-two-columns", "audit-your-results", "rank-many-benchmarks"])
def test_every_command_of_the_page_works_on_the_tables_it_shows(page: str, tmp_path: Path) -> None:
    text = (HOWTO / f"{page}.md").read_text()
    files = tables_of(text)
    assert files
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)
    commands = [line.strip() for block in blocks for line in block.splitlines()]
    assert len(commands) >= 3
    for command in commands:
        *_, last = command.split("|")
        assert last.split()[0] == "headstart"
        given = (tmp_path / "results.csv").read_text().replace(",", ";") if "|" in command else ""
        done = headstart(*shlex.split(last)[1:], cwd=tmp_path, given=given)
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout.strip()


def test_the_python_of_the_page_works(tmp_path: Path) -> None:
    text = (HOWTO / "audit-two-columns.md").read_text()
    (tmp_path / "before-and-after.csv").write_text(tables_of(text)["before-and-after.csv"])
    code = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)[0]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Publish the ranking")


def test_bad_input_is_told_as_the_page_shows_it(tmp_path: Path) -> None:
    text = (HOWTO / "bad-input.md").read_text()
    (tmp_path / "spoilt.csv").write_text(tables_of(text)["spoilt.csv"])
    shown = re.findall(r"```console\n\$ headstart audit spoilt.csv\n(.*?)```", text, flags=re.DOTALL)[0]
    done = headstart("audit", "spoilt.csv", "--json", "out.json", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", shown)
    assert not (tmp_path / "out.json").exists()


def test_a_format_is_registered_as_the_reference_shows(tmp_path: Path) -> None:
    text = (HOWTO.parent / "reference" / "file-formats.md").read_text()
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL) if "register(" in block)
    (tmp_path / "t.arrows").write_text("a>0>0.25\na>5>0.5\n")
    code += "\nfrom headstart import read_trajectories\nprint(read_trajectories('t.arrows').score.tolist())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (0, "[0.25, 0.5]\n"), done.stderr


def test_two_columns_are_compared_and_all_that_is_asked_for_is_written(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(nested(MADE)))
    done = headstart("audit", "t.json", "--json", "out.json", "--html", "out.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["schema"] == "headstart.comparison/1"
    assert [one["benchmark"] for one in document["benchmarks"]] == list(MADE.tasks)
    assert " ".join(done.stdout.split()).startswith(document["decision"]["sentence"])
    assert "</html>" in (tmp_path / "out.html").read_text()


def test_the_document_alone_goes_to_standard_output(tmp_path: Path) -> None:
    done = headstart("audit", "-", "--json", "-", cwd=tmp_path, given=wide(MADE).replace(",", "\t"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["source"] == "standard input"


CURVES = "model,step,score\na,0,0.5\na,10,0.6\na,100,0.7\nb,0,0.4\nb,10,0.45\nb,100,0.5\n"
BAD = {
    "a standard error above the score range": (
        ("audit", "-"),
        CURVES.replace("score\n", "score,stderr\n").replace("0.6\n", "0.6,7\n").replace("0.5\n", "0.5,0.01\n"),
        "stderr must be at most half of the width of the score range",
    ),
    "more places than models": (("audit", "-", "--rewards", "top:9:100"), CURVES, "number of models, 2, got 9"),
    "one level only": (("audit", "-"), "model,step,score\na,0,0.5\nb,0,0.4\n", "measured at 2 or more steps"),
    "no score at all": (("audit", "-"), "model,step,score\na,0,\nb,0,N/A\n", "all 2 scores are missing"),
    "a benchmark that is not there": (
        ("audit", "-", "--benchmark", "nope"),
        wide(MADE),
        "one of those in the file (task-0, task-1, task-2), got 'nope'",
    ),
    "levels for two columns": (("audit", "-", "--levels", "0"), wide(MADE), "--levels needs scores at three or more"),
    "rewards for two columns": (("audit", "-", "--rewards", "winner:1"), wide(MADE), "--rewards needs scores at three"),
    "a contest of two columns": (("audit", "-", "--contest", "c.toml"), wide(MADE), "--contest needs scores at three"),
    "a fit of two columns": (("fit", "-"), wide(MADE), "no curve can be fitted"),
    "a design of two columns": (("design", "-"), wide(MADE), "no curve can be fitted"),
    "columns that are no pairs": (("audit", "-", "--columns", "acc"), CURVES, "--columns must be FIELD=COLUMN pairs"),
    "a field named twice": (("audit", "-", "--columns", "score=a,score=b"), CURVES, "got 'score' twice"),
    "a column that is not there": (
        ("audit", "-", "--columns", "score=acc"),
        CURVES,
        "score must be a column of the file",
    ),
    "a metric of which less is better": (
        ("audit", "-", "--columns", "score=wer"),
        CURVES.replace("score", "wer"),
        "more is better, got 'wer'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_exits_2_in_one_message_and_writes_nothing(case: str, tmp_path: Path) -> None:
    arguments, given, named = BAD[case]
    done = headstart(*arguments, "--json", "out.json", cwd=tmp_path, given=given)
    assert done.returncode == 2, done.stderr
    assert named in done.stderr and done.stdout == ""
    assert done.stderr.count("headstart: ") == 1 and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_notes_are_told_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(CURVES.replace("\n", ",x\n").replace("score,x", "score,colour"))
    done = headstart("fit", "t.csv", cwd=tmp_path)
    assert done.returncode == 0
    assert 't.csv: Ignored column: "colour".' in done.stderr


def test_base_models_are_merged_beside_their_checkpoints(tmp_path: Path) -> None:
    for place, score in (("tuned/m/step_10/r.json", 0.5), ("base/m/r.json", 0.4)):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text(json.dumps({"results": {"t": {"acc,none": score}}}))
    layout = ("--layout", "{model}/step_{step}/r.json")
    assert headstart("import", "lm-eval", "tuned", *layout, "-o", "t.csv", cwd=tmp_path).returncode == 0
    base = ("import", "lm-eval", "base", "--layout", "{model}/r.json", "--step", "0", "--merge", "t.csv", "-o", "t.csv")
    done = headstart(*base, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "t.csv").read_text() == "benchmark,model,step,score\nt,m,0,0.4\nt,m,10,0.5\n"
    again = headstart(*base, cwd=tmp_path)
    assert again.returncode == 2 and "merged rows hold t of m at step 0 too" in again.stderr


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("headstart audit t.csv --benchmark task-", ["task-0", "task-1", "task-2"]),
        ("headstart audit t.csv --columns st", ["step=", "stderr="]),
        (
            "headstart audit t.csv --columns model=name,score=tuned",
            ["model=name,score=tuned", "model=name,score=tuned_stderr"],
        ),
        ("headstart audit t.csv --rewards g", ["geometric:0.5:"]),
        ("headstart audit t.csv --on-forgetting p", ["peak"]),
        ("headstart audit missing.csv --benchmark t", []),
    ],
)
def test_the_shell_completes_names_of_the_file(words: str, completed: list[str], tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(wide(MADE))
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1), "_HEADSTART_COMPLETE": "complete_bash"}
    code = "import sys; sys.argv[0] = 'headstart'; from headstart.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=60,
    )
    assert (done.stdout.split(), done.stderr) == (completed, "")
