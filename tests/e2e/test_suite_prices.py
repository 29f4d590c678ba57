"""headstart suite --prices on files, as a user types it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from headstart.cli import app
from headstart.contest.curves import LogitPower
from headstart.errors import InputError

pytestmark = pytest.mark.usefixtures("shapes_unchecked")

STEPS = [0, 10, 100, 1000]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four models on three benchmarks; the last model is not on the third."""
    rng = np.random.default_rng(0)
    lines = ["benchmark,model,step,score,stderr"]
    for t in range(3):
        for i in range(4):
            if (t, i) == (2, 3):
                continue
            law = LogitPower(L=0.25, U=0.75 - 0.03 * i, alpha=-4.0 - 0.2 * i, beta=0.8)
            for step in STEPS:
                score = float(law.score(step)) + rng.normal(0, 0.002)
                lines.append(f"task{t},model{i},{step},{score:.5f},0.004")
    path = tmp_path_factory.mktemp("suite") / "trajectories.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_text_json_and_page_hold_the_same_prices(file: Path, tmp_path: Path) -> None:
    written, page = tmp_path / "suite.json", tmp_path / "suite.html"
    done = CliRunner().invoke(
        app, ["suite", str(file), "--prices", "--level", "50,0", "--json", str(written), "--html", str(page)]
    )
    assert done.exit_code == 0, done.output
    prices = json.loads(written.read_text())["prices"]
    assert [one["level"] for one in prices["prices"]] == [0.0] * 4 + [50.0] * 4
    assert prices["left_out"] == [{"model": "model3", "reason": "no curve on task2"}]
    assert len(prices["gaming"]) == 2
    assert "What places cost, in steps: 3 models, 3 tasks" in done.output
    assert "First place under direct evaluation is cheapest under" in " ".join(done.output.split())
    assert 'id="prices"' in page.read_text() and 'id="places"' in page.read_text()


def test_prices_need_steps_and_levels_need_prices(file: Path, tmp_path: Path) -> None:
    table = tmp_path / "leaderboard.csv"
    table.write_text("model,maths,code\na,0.5,0.6\nb,0.4,0.7\n")
    for arguments, message in (
        (["suite", str(table), "--prices"], "prices need scores along tuning"),
        (["suite", str(file), "--level", "0"], "--level is for prices, got it without --prices"),
        (["suite", str(file), "--prices", "--level", "x"], "--level must be numbers separated by commas, got 'x'"),
        (["suite", str(file), "--prices", "--level", "-1"], "--level must be finite numbers >= 0, got '-1'"),
        (["suite", str(file), str(file), "--prices"], "task"),
    ):
        with pytest.raises(InputError) as refused:
            CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert message in str(refused.value)
