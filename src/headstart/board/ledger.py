"""The public ledger: every change of a submission's state, in a chain of hashes that shows whether one was altered.

A line of the file is ``{"entry": {...}, "hash": "..."}``; the hash is SHA-256 over the hash of the line before (64
zeros before the first) and the entry as canonical JSON. The ledger holds server-made names, digests and times, and no
text of users.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from headstart.board.states import allowed
from headstart.errors import InputError
from headstart.io.documents import parse_json
from headstart.io.text import STDIN, decode, read_bytes

GENESIS = "0" * 64
"""What stands for the hash before the first entry."""

Entry = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was found out about a ledger that holds.

    Args:
        entries: How many there are.
        submissions: How many submissions they speak of.
        head: Hash of the last entry; compare it with one that was written down elsewhere.
        states: Number of submissions by the state they are in at the end.
    """

    entries: int
    submissions: int
    head: str
    states: Mapping[str, int]


def canonical(entry: Entry) -> str:
    """An entry as it is hashed: JSON with sorted keys, no spaces, ASCII only.

    >>> canonical({"b": 2, "a": 1})
    '{"a":1,"b":2}'
    """
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def entry_hash(previous: str, entry: Entry) -> str:
    """The hash of an entry behind the hash of the one before it."""
    return hashlib.sha256(f"{previous}\n{canonical(entry)}".encode()).hexdigest()


def ledger_lines(entries: Iterable[tuple[Entry, str]]) -> Iterator[str]:
    """Entries with their hashes as the lines of a ledger file."""
    for entry, digest in entries:
        yield f'{{"entry":{canonical(entry)},"hash":"{digest}"}}\n'


def verify_ledger(path: str | os.PathLike[str], *, head: str | None = None) -> Verified:
    """Check the ledger in a file (``-`` for standard input).

    Every hash must follow from the one before, the numbers must count up from 1, and every change of state must be one
    that the board allows. A chain cut short at its end is still a chain: compare ``head`` with one kept elsewhere.

    Args:
        head: A hash that must stand in the ledger, as noted on an earlier day; None to check the chain alone.

    Raises:
        InputError: With the line of the first entry that does not hold.
    """
    source = "standard input" if os.fspath(path) == STDIN else os.fspath(path)
    states: dict[str, str] = {}
    previous, count, found = GENESIS, 0, head in (None, GENESIS)
    for row, line in enumerate(decode(read_bytes(path), source).splitlines(), start=1):
        if not line.strip():
            continue
        entry, digest = _line(line, source, row)
        count += 1
        if entry.get("sequence") != count:
            raise InputError(
                f"sequence must be {count}, got {entry.get('sequence')!r}: an entry is missing or out of its place",
                file=source,
                row=row,
            )
        if digest != entry_hash(previous, entry):
            raise InputError("the hash does not follow: this entry or one before was altered", file=source, row=row)
        previous = digest
        found = found or digest == head
        _follow(entry, states, source, row)
    if not found:
        raise InputError(f"the hash {head} is not in it: the ledger was cut short or replaced", file=source)
    counts: dict[str, int] = {}
    for state in states.values():
        counts[state] = counts.get(state, 0) + 1
    return Verified(entries=count, submissions=len(states), head=previous, states=dict(sorted(counts.items())))


def _line(line: str, source: str, row: int) -> tuple[Entry, str]:
    try:
        parsed = parse_json(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON: {error}", file=source, row=row) from None
    fields = cast("dict[str, object]", parsed) if isinstance(parsed, dict) else {}
    entry, digest = fields.get("entry"), fields.get("hash")
    if not isinstance(entry, dict) or not isinstance(digest, str):
        raise InputError('must be an object with "entry" and "hash"', file=source, row=row)
    return cast("Entry", entry), digest


def _follow(entry: Entry, states: dict[str, str], source: str, row: int) -> None:
    """Check that a change of state is allowed and starts from where the last one ended."""
    if entry.get("kind") != "state":
        return
    name, before, after = (entry.get(key) for key in ("submission", "from", "to"))
    if not isinstance(name, str) or not isinstance(after, str):
        raise InputError("a change of state must name its submission and its new state", file=source, row=row)
    if before != states.get(name):
        raise InputError(
            f"submission {name} was {states.get(name)}, but is said to come from {before}", file=source, row=row
        )
    if not allowed(cast("str | None", before), after):
        raise InputError(f"no submission may go from {before} to {after}", file=source, row=row)
    states[name] = after
