"""What an operator does on the board's machine: copy it, and make a token when the last one is lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url, select

from headstart.board.ledger import GENESIS, entry_hash
from headstart.board.server import tables, tokens
from headstart.board.server.errors import BoardError
from headstart.board.server.protocols import FOLDER
from headstart.board.server.routes_admin import make_team
from headstart.board.server.routes_worker import RUNS
from headstart.board.server.settings import FILE, read_settings
from headstart.board.server.store import Store, Transaction
from headstart.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Copied:
    """A copy of a board.

    Args:
        submissions: How many it holds.
        entries: Entries of its ledger, all of which were checked.
        head: Hash of the last one.
    """

    submissions: int
    entries: int
    head: str


def back_up(folder: Path, out: Path) -> Copied:
    """Copy a board that uses SQLite to a new folder, also while it runs.

    The database is copied as of one moment by SQLite itself; files never change once the database names them, so those
    are copied after it. Then the ledger of the copy is checked.

    Raises:
        InputError: If there is no such board, the new folder is not empty, or the copy does not hold.
    """
    if not (folder / FILE).is_file():
        raise InputError("holds no board", file=str(folder))
    settings = read_settings(folder)
    url = make_url(settings.database_url(folder))
    if url.get_backend_name() != "sqlite":
        raise InputError(
            "the board's database is PostgreSQL: use pg_dump, and copy the folder beside it", file=str(folder)
        )
    if out.exists() and any(out.iterdir()):
        raise InputError("must be a new folder", file=str(out), field="--out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        source, target = sqlite3.connect(str(url.database)), sqlite3.connect(out / "board.sqlite")
        try:
            with target:
                source.backup(target)
        finally:
            source.close()
            target.close()
        for name in (FOLDER, RUNS):
            if (folder / name).is_dir():
                shutil.copytree(folder / name, out / name, ignore=shutil.ignore_patterns("*.tmp"))
        shutil.copyfile(folder / FILE, out / FILE)
    except (OSError, sqlite3.Error) as error:
        raise InputError(f"the copy could not be made: {error}", file=str(out)) from None
    return check_database(out / "board.sqlite")


def check_database(path: Path) -> Copied:
    """Check the ledger in a board's database, and that submissions stand where it says.

    Raises:
        InputError: If it does not hold.
    """
    store = Store(f"sqlite:///{path.resolve()}")
    try:
        return check_store(store, str(path))
    finally:
        store.close()


def check_store(store: Store, shown: str) -> Copied:
    """Check the ledger of a database: its chain, its end, and the state of every submission against its entries.

    Raises:
        InputError: If it does not hold.
    """
    previous, states = GENESIS, dict[str, str]()
    with store.read() as connection:
        rows = connection.execute(select(tables.ledger).order_by(tables.ledger.c.sequence)).all()
        head = connection.execute(select(tables.ledger_head)).one()
        submissions = connection.execute(select(tables.submission.c.id, tables.submission.c.state)).all()
    for number, row in enumerate(rows, start=1):
        entry = json.loads(row.entry)
        previous = entry_hash(previous, entry)
        if row.sequence != number or previous != row.hash:
            raise InputError(f"the ledger does not hold at entry {row.sequence}", file=shown)
        if entry["kind"] == "state":
            states[entry["submission"]] = entry["to"]
    if (head.sequence, head.hash) != (len(rows), previous):
        raise InputError("the end of the ledger is not where the database says", file=shown)
    if {row.id: row.state for row in submissions} != states:
        raise InputError("submissions are not where the ledger says", file=shown)
    return Copied(submissions=len(submissions), entries=len(rows), head=previous)


def local_token(folder: Path, scope: str, *, team: str | None, days: float) -> str:
    """Make a token in a board's folder: whoever may write there is its administrator.

    Args:
        folder: Of the board.
        scope: What the token may do.
        team: Name or id; a new name makes a new team.
        days: How long it is valid.

    Raises:
        InputError: If there is no such board, or no such token can be made.
    """
    if not (folder / FILE).is_file():
        raise InputError("holds no board", file=os.fspath(folder))
    store = Store(read_settings(folder).database_url(folder))

    def change(write: Transaction) -> str:
        team_id = None if team is None else _team(write, team)
        return tokens.make_token(write, scope, team_id=team_id, days=days)[0]

    try:
        return store.write(change)
    except BoardError as error:
        raise InputError(error.message, field=error.field) from None
    finally:
        store.close()


def _team(write: Transaction, wanted: str) -> str:
    table = tables.team
    found = write.connection.execute(
        select(table.c.id).where((table.c.id == wanted) | (table.c.name == wanted))
    ).scalar()
    return found if found is not None else make_team(write, wanted)
