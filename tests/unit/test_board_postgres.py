"""The same database on PostgreSQL, with two server processes' worth of stores."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select, text

from board_cases import SETTINGS, Board, prepared
from headstart.board.server import tables
from headstart.board.server.backup import check_store
from headstart.board.server.errors import BoardError
from headstart.board.server.store import Store
from local_postgres import Postgres


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    postgres = Postgres(tmp_path_factory.mktemp("postgres"))
    if not postgres.there:
        # on a developer's machine it may be missing; where changes are accepted it must not be
        assert not os.environ.get("CI"), "PostgreSQL must be installed: .ci/run does it"
        pytest.skip("PostgreSQL is not installed")
    postgres.start()
    yield postgres
    postgres.stop()


@pytest.fixture(scope="module")
def board(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    settings = replace(SETTINGS, attempts_per_team=20)
    board = Board(tmp_path_factory.mktemp("board"), settings, url=postgres.url)
    yield board
    check_store(board.store, postgres.url)
    board.store.close()


def test_the_migrations_give_the_tables_of_the_code(board: Board) -> None:
    with board.store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []


def test_two_servers_share_one_ledger_and_one_quota(board: Board, postgres: Postgres) -> None:
    other = Board.__new__(Board)
    other.__dict__.update(board.__dict__, store=Store(postgres.url, clock=board.store.clock))

    def submit(number: int) -> str:
        try:
            (board if number % 2 else other).submit(f"model-{number}", key=f"key-number-{number}")
            return "taken"
        except BoardError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(submit, range(30)))
    assert sorted(outcomes) == ["quota_used"] * 10 + ["taken"] * 20
    with ThreadPoolExecutor(8) as pool:
        jobs: list[Any] = list(pool.map(lambda n: (board if n % 2 else other).claim(f"w-{n}"), range(24)))
    held = [job["job"] for job in jobs if job is not None]
    assert len(held) == len(set(held)) == 20, "no job is given twice"
    other.store.close()


def test_a_claim_passes_over_a_job_that_another_process_holds(board: Board, postgres: Postgres) -> None:
    first, second = board.submit("locked", team="t-two"), board.submit("free", team="t-two")
    with board.store.read() as connection:
        wanted = select(func.min(tables.cell_job.c.id)).where(tables.cell_job.c.submission_id == first)
        job = connection.execute(wanted).scalar_one()
        connection.execute(text(f"SELECT * FROM cell_job WHERE id = {job} FOR UPDATE"))
        claimed = board.claim()
    assert claimed is not None
    assert claimed["submission"] == second
    board.finish(claimed, prepared("e" * 64))
    again = board.claim()
    assert again is not None
    assert again["submission"] == first, "it was only locked"


def test_a_restart_is_told_and_survived(board: Board, postgres: Postgres) -> None:
    submission = board.submit("survivor", team="t-two")
    postgres.restart()
    outcomes: list[str] = []
    for _ in range(10):
        try:
            board.submit("after", team="t-two", key="one-key-for-all")
            outcomes.append("taken")
            break
        except BoardError as error:
            outcomes.append(error.code)
    assert outcomes[-1] == "taken"
    assert set(outcomes[:-1]) <= {"unavailable"}
    assert board.state(submission) == "received"
