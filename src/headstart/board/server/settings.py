"""What an operator may set in ``board.toml``."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from headstart.errors import InputError
from headstart.io.atomic import write_text
from headstart.io.documents import parse_document
from headstart.io.forms import checked, form_of_fields, located
from headstart.io.text import check_name
from headstart.tune.checks import must

FILE = "board.toml"
DATABASE_VARIABLE = "HEADSTART_BOARD_DATABASE"

_FIRST = """\
# Settings of this board; every line may be left out. `headstart board serve` reads them when it starts.

title = "Leaderboard"

# Attempts of one team in one period (0 days: one period for ever), and of the same weights by anybody.
# attempts_per_team = 10
# period_days = 30
# attempts_per_weights = 1
# max_withhold_days = 90

# Requests per second of one token or address, and how many may come at once.
# requests_per_second = 10
# burst = 40

# Models from the hub; false leaves those that the administrator registered.
# hub = true

# One run: hours on the clock, and GiB of one file it may write.
# run_hours = 48
# run_file_gib = 64
# run_memory_gib = 0     # of address space; 0 for no limit, which a GPU needs

# database = "postgresql+psycopg://user@host/name"   # or the variable HEADSTART_BOARD_DATABASE, which keeps a
#                                                      password out of this file; by default board.sqlite beside it
"""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a board is run.

    Args:
        title: Of the pages.
        database: URL of SQLAlchemy; empty for ``board.sqlite`` in the board's folder.
        attempts_per_team: Submissions of a team per period and protocol, ``>= 1``.
        period_days: Length of a period; 0 for a single one that never ends.
        attempts_per_weights: How often the same weights are measured, whoever submits them, ``>= 1``.
        max_withhold_days: How far ahead a team may set the date on which its result is published.
        lease_seconds: After how long without a sign of life a worker's job goes to another.
        attempts_per_job: How many workers may die of a job before it is given up.
        requests_per_second: Of one token, or one address without a token.
        burst: How many requests may come at once.
        max_body_kib: Largest request, other than a worker's files.
        max_file_mib: Largest file of a worker.
        hub: Whether models may come from the hub.
        hub_endpoint: The one address that models of the hub are fetched from.
        run_hours: Longest run.
        run_file_gib: Largest file a run may write.
        run_memory_gib: Address space of a run; 0 for no limit.
        publish_seconds: Least time between two builds of the pages.
    """

    title: str = "Leaderboard"
    database: str = ""
    attempts_per_team: int = 10
    period_days: int = 30
    attempts_per_weights: int = 1
    max_withhold_days: int = 90
    lease_seconds: float = 30.0
    attempts_per_job: int = 3
    requests_per_second: float = 10.0
    burst: int = 40
    max_body_kib: int = 256
    max_file_mib: int = 512
    hub: bool = True
    hub_endpoint: str = "https://huggingface.co"
    run_hours: float = 48.0
    run_file_gib: float = 64.0
    run_memory_gib: float = 0.0
    publish_seconds: float = 5.0

    def __post_init__(self) -> None:
        check_name(self.title, "title")
        must(len(self.title) <= 80, "title", "at most 80 characters long", self.title)
        must(self.hub_endpoint.startswith("https://"), "hub_endpoint", "an https:// address", self.hub_endpoint)
        for name in ("attempts_per_team", "attempts_per_weights", "attempts_per_job", "burst", "max_body_kib"):
            must(getattr(self, name) >= 1, name, ">= 1", getattr(self, name))
        for name in ("period_days", "max_withhold_days"):
            must(getattr(self, name) >= 0, name, ">= 0", getattr(self, name))
        must(self.max_file_mib >= 1, "max_file_mib", ">= 1", self.max_file_mib)
        for name in ("lease_seconds", "requests_per_second", "run_hours", "run_file_gib", "publish_seconds"):
            must(0 < getattr(self, name) < math.inf, name, "a number > 0", getattr(self, name))
        must(0 <= self.run_memory_gib < math.inf, "run_memory_gib", "a number >= 0", self.run_memory_gib)

    def period(self, now: float) -> int:
        """Number of the period a moment lies in."""
        return int(now // (self.period_days * 86400)) if self.period_days else 0

    def database_url(self, folder: Path) -> str:
        """Where the database of the board in ``folder`` is; the environment goes before the file."""
        return os.environ.get(DATABASE_VARIABLE) or self.database or f"sqlite:///{folder.resolve() / 'board.sqlite'}"


_FORM = form_of_fields(Settings)


def read_settings(folder: Path) -> Settings:
    """The settings of the board in ``folder``; a first file with all of them as comments is written if there is none.

    Raises:
        InputError: If the file is bad or cannot be written.
    """
    path = folder / FILE
    if not path.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot be made: {error.strerror}", file=str(folder)) from None
        write_text(path, _FIRST)
    parsed = parse_document(path)
    with located(parsed.source):
        return Settings(**checked(_FORM, parsed.plain, parsed.source).given())
