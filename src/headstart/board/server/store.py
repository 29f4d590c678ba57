"""The database: one writer thread per process, and as many readers as ask.

Writes are handed to the writer, which puts those that wait into one transaction, each behind a savepoint, and answers
when the transaction is on the disk: a submission that was answered is there after any crash, and many of them share one
wait for the disk. The end of the ledger is locked first, so writers of several processes wait in one line.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event, insert, make_url, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from headstart.board.ledger import GENESIS, canonical, entry_hash
from headstart.board.server import tables
from headstart.board.server.clock import Clock, iso
from headstart.board.server.errors import BoardError, unavailable
from headstart.errors import InputError
from headstart.io.atomic import JsonValue

Value = TypeVar("Value")

_BATCH = 64
_BUSY_SECONDS = 20


@dataclass(kw_only=True)
class Transaction:
    """What a write is given: the connection, the time, and the end of the ledger.

    Args:
        connection: In the transaction.
        now: Seconds since 1970.
        sequence: Number of the ledger's last entry.
        hash: Hash of the ledger's last entry.
        submissions: How many submissions there have been.
        entries: What this transaction adds to the ledger.
    """

    connection: Connection
    now: float
    sequence: int = 0
    hash: str = GENESIS
    submissions: int = 0
    entries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def append(self, kind: str, *, submission: str | None = None, **fields: JsonValue) -> None:
        """Add an entry to the ledger."""
        entry = {"sequence": self.sequence + 1, "at": iso(self.now), "kind": kind, **fields}
        if submission is not None:
            entry["submission"] = submission
        self.sequence += 1
        self.hash = entry_hash(self.hash, entry)
        self.entries.append(
            {
                "sequence": self.sequence,
                "entry": canonical(entry),
                "hash": self.hash,
                "submission_id": submission,
            }
        )


Write = Callable[[Transaction], Value]


class Store:
    """A board's database.

    Args:
        url: Of SQLAlchemy: ``sqlite:///FILE`` or ``postgresql+psycopg://...``.
        clock: Gives the time of every write.

    Raises:
        InputError: If it is of another kind.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self.url = url
        self.clock = clock or Clock()
        self.is_sqlite = _kind(url) == "sqlite"
        self._writes = _engine(url, begin="BEGIN IMMEDIATE", pool_size=1)
        self._reads = _engine(url, begin="BEGIN", pool_size=8)
        self._waiting: queue.SimpleQueue[tuple[Write[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_all, name="writer", daemon=True)
        self._closed = False
        self._started = threading.Lock()

    def migrate(self) -> None:
        """Make the tables, or bring them to this version.

        Raises:
            InputError: If the database cannot be reached or written.
        """
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        try:
            with self._writes.connect() as connection, connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except (DBAPIError, OSError) as error:
            raise InputError(f"the database cannot be used: {_reason(error)}", field="database") from None

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A connection that sees one moment of the database.

        Raises:
            BoardError: If the database does not answer.
        """
        try:
            with self._reads.connect() as connection, connection.begin():
                yield connection
        except DBAPIError as error:
            raise unavailable(f"the database does not answer: {_reason(error)}") from None

    def write(self, change: Write[Value]) -> Value:
        """Make a change, and wait until it is on the disk.

        Raises:
            BoardError: What the change raises, or that the database cannot be written; then nothing was changed,
                or it is unknown whether it was: writes must bear being made again.
        """
        return self.send(change).result()

    def send(self, change: Write[Value]) -> Future[Value]:
        """Hand a change to the writer; the future has its value once it is on the disk."""
        future: Future[Value] = Future()
        with self._started:
            if self._closed:
                raise unavailable("the board is shutting down")
            if not self._writer.ident:
                self._writer.start()
            self._waiting.put((change, future))
        return future

    def close(self) -> None:
        """Finish what was handed in and let go of the database."""
        with self._started:
            self._closed = True
        if self._writer.ident:
            self._waiting.put(None)
            self._writer.join(timeout=_BUSY_SECONDS)
        self._writes.dispose()
        self._reads.dispose()

    def _write_all(self) -> None:
        last = False
        while not last:
            taken = [self._waiting.get()]
            while taken[-1] is not None and len(taken) < _BATCH and not self._waiting.empty():
                taken.append(self._waiting.get())
            last = taken[-1] is None
            batch = [entry for entry in taken if entry is not None]
            if batch:
                self._write_batch(batch)

    def _write_batch(self, batch: list[tuple[Write[Any], Future[Any]]]) -> None:
        answers: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with self._writes.connect() as connection, connection.begin():
                transaction = _begin(connection, self.clock.now())
                for change, future in batch:
                    answers.append((future, *_attempt(transaction, change)))
                _end(transaction)
        except (SQLAlchemyError, OSError) as error:
            refusal = unavailable(f"the database cannot be written: {_reason(error)}")
            answers = [(future, None, refusal) for _, future in batch]
        for future, value, error in answers:
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)


def _attempt(transaction: Transaction, change: Write[Any]) -> tuple[Any, BaseException | None]:
    """Make a change behind a savepoint, so that one that is refused leaves nothing behind and the others stand."""
    kept = (transaction.sequence, transaction.hash, transaction.submissions, len(transaction.entries))
    savepoint = transaction.connection.begin_nested()
    try:
        value = change(transaction)
        savepoint.commit()
        return value, None
    except DBAPIError as error:
        if not isinstance(error, IntegrityError):
            raise  # the disk is full or the server gone: none of the batch can be written
        refused: Exception = error
    except Exception as error:
        refused = error
    savepoint.rollback()
    transaction.sequence, transaction.hash, transaction.submissions, length = kept
    del transaction.entries[length:]
    return None, refused


def _begin(connection: Connection, now: float) -> Transaction:
    head = connection.execute(
        select(tables.ledger_head).where(tables.ledger_head.c.id == 1).with_for_update()
    ).one_or_none()
    if head is None:
        raise BoardError("the database was not set up", status=503, code="unavailable")
    return Transaction(
        connection=connection, now=now, sequence=head.sequence, hash=head.hash, submissions=head.submissions
    )


def _end(transaction: Transaction) -> None:
    """Write what was added to the ledger, and its new end."""
    if not transaction.entries:
        return
    transaction.connection.execute(insert(tables.ledger), transaction.entries)
    transaction.connection.execute(
        update(tables.ledger_head)
        .where(tables.ledger_head.c.id == 1)
        .values(sequence=transaction.sequence, hash=transaction.hash, submissions=transaction.submissions)
    )


def _kind(url: str) -> str:
    try:
        backend = make_url(url).get_backend_name()
    except SQLAlchemyError:
        backend = url
    if backend not in ("sqlite", "postgresql"):
        raise InputError(
            f"database must be sqlite:///FILE or postgresql+psycopg://..., got {backend!r}", field="database"
        )
    return backend


def _engine(url: str, *, begin: str, pool_size: int) -> Engine:
    if _kind(url) != "sqlite":
        return create_engine(url, pool_pre_ping=True, pool_size=pool_size, max_overflow=4)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=4,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin as we say below
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {setting}")

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", start)
    return engine


def _reason(error: Exception) -> str:
    """What the database says, in one line, without the statement and its values."""
    original = cast("object", getattr(error, "orig", None)) or error
    lines = str(original).strip().splitlines()
    return lines[0] if lines else type(error).__name__
