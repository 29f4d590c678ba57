"""A checked ranking as JSON data (schema ``headstart.check/1``)."""

from __future__ import annotations

from headstart.auditing.ranking_check import RankingCheck
from headstart.io.atomic import JsonValue, envelope
from headstart.io.encode import encode_fields
from headstart.report.check_text import sentence

SCHEMA = "headstart.check/1"


def check_document(found: RankingCheck) -> dict[str, JsonValue]:
    """Everything found, as JSON data; a number that does not exist is null beside a reason."""
    return {
        **envelope(SCHEMA, found.run),
        "supported": found.supported,
        "sentence": sentence(found),
        **encode_fields(found),
    }
