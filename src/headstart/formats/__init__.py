"""Everything read from or written for other tools: trajectories, contests, results of lm-evaluation-harness, JSON."""

from headstart.formats.atomic import envelope, write_bytes, write_json, write_text
from headstart.formats.contest_file import (
    contest_document,
    contest_from_document,
    read_contest,
    read_document,
    write_contest,
)
from headstart.formats.documents import read_json
from headstart.formats.lm_eval import ImportSummary, LmEvalImport, import_lm_eval
from headstart.formats.rows import TrajectoryRow
from headstart.formats.trajectories import (
    read_rows,
    read_trajectories,
    require_auditable,
    to_trajectories,
    write_trajectories,
)

__all__ = [
    "ImportSummary",
    "LmEvalImport",
    "TrajectoryRow",
    "contest_document",
    "contest_from_document",
    "envelope",
    "import_lm_eval",
    "read_contest",
    "read_document",
    "read_json",
    "read_rows",
    "read_trajectories",
    "require_auditable",
    "to_trajectories",
    "write_bytes",
    "write_contest",
    "write_json",
    "write_text",
    "write_trajectories",
]
