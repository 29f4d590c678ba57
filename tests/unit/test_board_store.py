"""What the database keeps: submissions, jobs, quotas, and what the sweep does about those left behind."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, update

from board_cases import SETTINGS, Board, prepared, scored
from headstart.board.ledger import ledger_lines, verify_ledger
from headstart.board.server import jobs, submissions, tables
from headstart.board.server.clock import Clock
from headstart.board.server.errors import BoardError
from headstart.board.server.moves import locked, move
from headstart.board.server.settings import Settings
from headstart.board.server.store import Store, Transaction
from headstart.board.server.sweep import sweep
from headstart.errors import InputError


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    board = Board(tmp_path)
    yield board
    with board.store.read() as connection:
        import json

        rows = connection.execute(select(tables.ledger).order_by(tables.ledger.c.sequence)).all()
    path = tmp_path / "ledger.jsonl"
    path.write_text("".join(ledger_lines((json.loads(row.entry), row.hash) for row in rows)))
    verify_ledger(path)
    board.store.close()


def published(board: Board, name: str = "model", weights: str = "a" * 64) -> str:
    submission = board.submit(name)
    for outcome in (prepared(weights), scored(weights)):
        job = board.claim()
        assert job is not None
        assert board.finish(job, outcome) == {"accepted": True, "reason": None}
    return submission


# ------------------------------------------------------------------------------------------------------------ tables


def test_the_migrations_give_the_tables_of_the_code(board: Board) -> None:
    with board.store.read() as connection:
        found = compare_metadata(MigrationContext.configure(connection), tables.metadata)
    assert found == []
    board.store.migrate()  # again: nothing to do


def test_sqlite_waits_for_the_disk_at_every_commit(board: Board, tmp_path: Path) -> None:
    assert sqlite3.connect(tmp_path / "board.sqlite").execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with board.store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


@pytest.mark.parametrize("url", ["mysql://x", "nonsense", "file:///etc/passwd"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(InputError, match="database must be sqlite"):
        Store(url)


def test_a_write_that_is_refused_leaves_nothing_and_its_neighbours_stand(board: Board) -> None:
    def refuse(write: Transaction) -> None:
        write.append("protocol", protocol="nonsense")
        write.submissions += 1
        raise BoardError("no", status=409, code="no")

    first = board.store.send(lambda write: write.append("protocol", protocol="one"))
    middle = board.store.send(refuse)
    last = board.store.send(lambda write: write.append("protocol", protocol="two"))
    first.result(), last.result()
    with pytest.raises(BoardError, match="no"):
        middle.result()
    with board.store.read() as connection:
        entries = connection.execute(select(tables.ledger.c.entry)).scalars().all()
        assert connection.execute(select(tables.ledger_head.c.sequence, tables.ledger_head.c.submissions)).one() == (
            2,
            0,
        )
    assert ["nonsense" in entry for entry in entries] == [False, False]


def test_a_closed_store_takes_nothing_more(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.store.close()
    with pytest.raises(BoardError, match="shutting down"):
        board.submit()


# ------------------------------------------------------------------------------------------------------- the usual way


def test_a_submission_goes_all_the_way(board: Board) -> None:
    submission = board.submit()
    assert board.state(submission) == "received"
    job = board.claim()
    assert job is not None
    assert (job["kind"], job["fence"], job["attempt"]) == ("prepare", 1, 1)
    board.finish(job, prepared())
    assert board.state(submission) == "queued"
    job = board.claim()
    assert job is not None
    assert (job["kind"], job["weights_sha256"]) == ("run", "a" * 64)
    assert board.state(submission) == "running"
    board.finish(job, scored())
    assert board.state(submission) == "published"
    assert board.claim() is None
    with board.store.read() as connection:
        entries = connection.execute(
            select(tables.ledger.c.entry).where(tables.ledger.c.submission_id == submission)
        ).scalars()
        assert [entry.split('"to":"')[1].split('"')[0] for entry in entries] == [
            "received", "resolved", "forecast", "queued", "running", "scored", "published",
        ]  # fmt: skip


def test_a_result_is_withheld_until_its_date_and_then_published(board: Board) -> None:
    submission = board.submit(withhold_until=board.time.seconds + 3600)
    for outcome in (prepared(), scored()):
        job = board.claim()
        assert job is not None
        board.finish(job, outcome)
    assert board.state(submission) == "withheld"
    board.store.write(lambda write: sweep(write, SETTINGS))
    assert board.state(submission) == "withheld"
    board.time.seconds += 3601
    swept = board.store.write(lambda write: sweep(write, SETTINGS))
    assert swept.released == 1
    assert board.state(submission) == "published"


@pytest.mark.parametrize("ahead", [-5.0, 0.0, 91 * 86400.0])
def test_the_date_lies_ahead_but_not_far(board: Board, ahead: float) -> None:
    with pytest.raises(BoardError, match="withhold_until must be a date within 90 days"):
        board.submit(withhold_until=board.time.seconds + ahead)


def test_a_withdrawn_result_stays_in_the_ledger(board: Board) -> None:
    submission = published(board)
    board.store.write(lambda write: submissions.withdraw(write, submission, "team", reason="a bug"))
    assert board.state(submission) == "withdrawn"
    assert board.used("team:t-one") == 1, "what was measured is not given back"
    with pytest.raises(BoardError, match="a submission that is withdrawn cannot become withdrawn"):
        board.store.write(lambda write: submissions.withdraw(write, submission, "team"))


def test_an_edge_that_is_not_in_the_table_is_refused(board: Board) -> None:
    submission = board.submit()
    with pytest.raises(BoardError, match="a submission that is received cannot become published"):
        board.store.write(lambda write: move(write, locked(write, submission), "published", "server"))


# -------------------------------------------------------------------------------------------------- keys and quotas


def test_a_repeated_key_gives_the_same_submission(board: Board) -> None:
    one, two = board.submit(key="the-same-key"), board.submit(key="the-same-key")
    assert one == two
    assert board.used("team:t-one") == 1
    with pytest.raises(BoardError, match="used for another submission"):
        board.submit("other", key="the-same-key")
    assert board.submit(team="t-two", name="third", key="the-same-key") != one


def test_a_team_has_so_many_attempts_however_they_arrive(board: Board) -> None:
    outcomes: list[str] = []

    def one(number: int) -> None:
        try:
            board.submit(f"model-{number}", key=f"key-number-{number}")
            outcomes.append("taken")
        except BoardError as error:
            outcomes.append(error.code)

    threads = [Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["quota_used"] * 9 + ["taken"] * 3
    assert board.used("team:t-one") == 3
    board.submit("mine", team="t-two")


def test_a_new_period_brings_new_attempts(board: Board) -> None:
    for number in range(3):
        board.submit(f"m{number}")
    board.time.seconds += 30 * 86400
    assert board.state(board.submit("m3")) == "received"


def test_the_same_weights_are_measured_once_whoever_submits_them(board: Board) -> None:
    published(board)
    again = board.submit("copy", team="t-two")
    job = board.claim()
    assert job is not None
    board.finish(job, prepared())
    assert board.state(again) == "rejected"
    assert board.used("team:t-two") == 1, "the team chose what to submit"
    assert board.claim() is None


def test_weights_that_were_never_measured_are_free_again(board: Board) -> None:
    first = board.submit()
    job = board.claim()
    assert job is not None
    board.finish(job, prepared())
    board.store.write(lambda write: submissions.withdraw(write, first, "team"))
    second = board.submit("theirs", team="t-two")
    job = board.claim()
    assert job is not None
    board.finish(job, prepared())
    assert board.state(second) == "queued"


def test_two_models_of_a_ranking_have_two_names(board: Board) -> None:
    first = board.submit("same")
    with pytest.raises(BoardError, match="choose another"):
        board.submit("same", team="t-two")
    board.store.write(lambda write: submissions.withdraw(write, first, "team"))
    board.submit("same", team="t-two")


@pytest.mark.parametrize("actor", ["team", "administrator"])
def test_only_what_the_board_stops_is_given_back(board: Board, actor: str) -> None:
    submission = board.submit()
    board.store.write(lambda write: submissions.cancel(write, submission, actor))  # type: ignore[arg-type]
    assert board.used("team:t-one") == (1 if actor == "team" else 0)


# ------------------------------------------------------------------------------------------ workers that die or err


def test_the_job_of_a_dead_worker_goes_to_another_and_the_dead_one_finishes_nothing(board: Board) -> None:
    submission = board.submit()
    job = board.claim("w-dead")
    assert job is not None
    assert board.claim("w-2") is None
    board.time.seconds += SETTINGS.lease_seconds + 1
    assert board.store.write(lambda write: sweep(write, SETTINGS)).retaken == 1
    again = board.claim("w-2")
    assert again is not None
    assert (again["job"], again["fence"], again["attempt"]) == (job["job"], 2, 2)
    for worker, fence in (("w-dead", 1), ("w-dead", 2), ("w-2", 1)):
        with pytest.raises(BoardError, match="no longer this worker's"):
            board.finish({**job, "fence": fence}, prepared(), worker)
    board.finish(again, prepared("b" * 64), "w-2")
    assert board.state(submission) == "queued"


def test_a_sign_of_life_keeps_a_job(board: Board) -> None:
    board.submit()
    job = board.claim()
    assert job is not None
    for _ in range(5):
        board.time.seconds += SETTINGS.lease_seconds - 1
        board.store.write(
            lambda write: jobs.heartbeat(
                write, job["job"], worker="w-1", fence=1, progress={"done": 1}, settings=SETTINGS
            )
        )
        assert board.store.write(lambda write: sweep(write, SETTINGS)).retaken == 0


def test_a_finish_whose_answer_was_lost_can_be_repeated(board: Board) -> None:
    submission = board.submit()
    job = board.claim()
    assert job is not None
    assert board.finish(job, prepared()) == board.finish(job, prepared())
    assert board.state(submission) == "queued"


def test_after_too_many_dead_workers_the_attempt_is_given_back(board: Board) -> None:
    submission = board.submit()
    for _ in range(SETTINGS.attempts_per_job):
        assert board.claim() is not None
        board.time.seconds += SETTINGS.lease_seconds + 1
        board.store.write(lambda write: sweep(write, SETTINGS))
    assert board.state(submission) == "failed"
    assert board.used("team:t-one") == 0
    assert board.claim() is None


def test_a_running_job_that_breaks_is_tried_again_and_then_given_up(board: Board) -> None:
    submission = board.submit()
    job = board.claim()
    assert job is not None
    board.finish(job, prepared())
    broken = jobs.Broken(reason="the disk is full", bad_input=False)
    for state in ("queued", "failed"):
        job = board.claim()
        assert job is not None
        board.finish(job, broken)
        assert board.state(submission) == state
    assert board.used("team:t-one") == 0
    assert board.used("weights:" + "a" * 64) == 0


def test_a_model_that_cannot_be_read_is_rejected_and_not_given_back(board: Board) -> None:
    submission = board.submit()
    job = board.claim()
    assert job is not None
    board.finish(job, jobs.Broken(reason="the folder has no model.safetensors", bad_input=True))
    assert board.state(submission) == "rejected"
    assert board.used("team:t-one") == 1


def test_a_cancelled_submission_takes_the_job_from_its_worker(board: Board) -> None:
    submission = board.submit()
    job = board.claim()
    assert job is not None
    board.store.write(lambda write: submissions.cancel(write, submission, "team"))
    with pytest.raises(BoardError, match="no longer this worker's"):
        board.finish(job, prepared())


def test_a_job_that_nobody_waits_for_holds_up_no_other(board: Board) -> None:
    gone, waiting = board.submit("gone"), board.submit("waiting")
    board.store.write(lambda write: submissions.cancel(write, gone, "team"))
    board.store.write(lambda write: write.connection.execute(update(tables.cell_job).values(state="open")))
    job = board.claim()
    assert job is not None
    assert job["submission"] == waiting
    assert board.claim() is None


def test_a_worker_on_another_machine_gives_its_job_back(board: Board) -> None:
    published(board)
    second = board.submit("second")
    job = board.claim("w-2")
    assert job is not None
    answer = board.finish(job, prepared("b" * 64, "e" * 64, levels=[0, 5]), "w-2")
    assert answer == {
        "accepted": False,
        "reason": "this worker is not what the protocol was sealed for: levels: [0, 2] -> [0, 5]",
    }
    assert board.state(second) == "received"
    job = board.claim("w-1")
    assert job is not None
    assert job["attempt"] == 1, "the team is not to blame"


def test_weights_that_change_before_the_run_fail(board: Board) -> None:
    submission = board.submit()
    for outcome in (prepared("a" * 64), scored("b" * 64)):
        job = board.claim()
        assert job is not None
        board.finish(job, outcome)
    assert board.state(submission) == "failed"


# ------------------------------------------------------------------------------------------------------------- sweep


def test_a_submission_that_nobody_takes_is_given_back_at_its_deadline(board: Board) -> None:
    submission = board.submit()
    board.time.seconds += 8 * 86400
    assert board.store.write(lambda write: sweep(write, SETTINGS)).late == 1
    assert board.state(submission) == "failed"
    assert board.used("team:t-one") == 0
    assert board.claim() is None


def test_a_job_that_is_missing_is_made_again(board: Board) -> None:
    submission = board.submit()
    board.store.write(lambda write: write.connection.execute(update(tables.cell_job).values(state="stopped")))
    assert board.claim() is None
    assert board.store.write(lambda write: sweep(write, SETTINGS)).mended == 1
    job = board.claim()
    assert job is not None
    assert job["submission"] == submission


def test_times_written_under_a_clock_that_ran_ahead_are_cut(board: Board) -> None:
    board.submit()
    job = board.claim("w-dead")
    assert job is not None
    board.time.seconds -= 10 * 365 * 86400  # the clock was set right, and the server started anew
    assert board.store.write(lambda write: sweep(write, SETTINGS)).mended == 2
    board.time.seconds += SETTINGS.lease_seconds + 1
    assert board.store.write(lambda write: sweep(write, SETTINGS)).retaken == 1


def test_a_clock_that_jumps_is_not_followed() -> None:
    wall, steady = [1000.0], [5.0]
    clock = Clock(lambda: wall[0], lambda: steady[0])
    wall[0], steady[0] = 9e9, 6.0
    assert clock.now() == 1001.0
    wall[0] = 0.0
    assert clock.now() == 1001.0


def test_settings_say_which_line_is_wrong(tmp_path: Path) -> None:
    from headstart.board.server.settings import read_settings

    assert read_settings(tmp_path / "new") == Settings()
    (tmp_path / "new" / "board.toml").write_text("attempts_per_team = 0\n")
    with pytest.raises(InputError, match=r"board\.toml, field attempts_per_team: attempts_per_team must be >= 1"):
        read_settings(tmp_path / "new")
