"""Errors that a request can be answered with: one shape for all."""

from __future__ import annotations

from headstart.errors import HeadstartError


class BoardError(HeadstartError):
    """A request that is refused.

    Args:
        message: What must hold and what was found.
        status: HTTP status.
        code: A word that programs can compare.
        field: The field of the request it is about, if any.
        retry_after: Seconds after which the same request may succeed; None where it will not by waiting.
    """

    def __init__(
        self, message: str, *, status: int, code: str, field: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.code, self.field = message, status, code, field
        self.retry_after = retry_after

    def document(self) -> dict[str, object]:
        """The error as JSON data."""
        return {"error": {"code": self.code, "message": self.message, "field": self.field}}


def bad_request(message: str, *, field: str | None = None) -> BoardError:
    """A value of the request is not what it must be."""
    return BoardError(message, status=422, code="bad_request", field=field)


def not_found(message: str) -> BoardError:
    """There is no such thing, or not for whoever asks."""
    return BoardError(message, status=404, code="not_found")


def conflict(message: str, *, code: str = "conflict") -> BoardError:
    """The request contradicts what is there."""
    return BoardError(message, status=409, code=code)


def unavailable(message: str) -> BoardError:
    """The database does not answer or the disk is full; the same request may succeed later."""
    return BoardError(message, status=503, code="unavailable", retry_after=2)
