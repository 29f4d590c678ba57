"""The one exception tree: everything headstart raises on purpose."""

from __future__ import annotations

from typing import ClassVar


class HeadstartError(Exception):
    """Base class of every error raised on purpose; carries the exit status of the command line."""

    exit_status: ClassVar[int] = 3


class InputError(HeadstartError, ValueError):
    """Bad input: a value, file or option the caller can mend.

    Args:
        message: What must hold and what was found (``name must be ..., got ...``).
        file: File the value came from, if any.
        row: Line in that file, counted from 1.
        field: Column or key.
    """

    exit_status: ClassVar[int] = 2

    def __init__(
        self, message: str, *, file: str | None = None, row: int | None = None, field: str | None = None
    ) -> None:
        self.message = message
        self.file = file
        self.row = row
        self.field = field
        place = [file] if file else []
        if row is not None:
            place.append(f"row {row}")
        if field is not None:
            place.append(f"field {field}")
        super().__init__(f"{', '.join(place)}: {message}" if place else message)

    def located(self, *, file: str | None = None, row: int | None = None, field: str | None = None) -> InputError:
        """The same complaint with its place filled in where it was not known."""
        return InputError(
            self.message,
            file=self.file or file,
            row=self.row if self.row is not None else row,
            field=self.field or field,
        )


class ComputationError(HeadstartError):
    """The computation could not be completed although the input was sound (exit status 3)."""
