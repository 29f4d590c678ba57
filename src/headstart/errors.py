"""The one exception tree: everything headstart raises on purpose."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = 20
"""Problems of one input that are listed; of the others only the number is told."""


class HeadstartError(Exception):
    """Base class of every error raised on purpose; carries the exit status of the command line."""

    exit_status: int = 3


class InputError(HeadstartError, ValueError):
    """Bad input: a value, file or option the caller can mend.

    Args:
        message: What must hold and what was found (``name must be ..., got ...``).
        file: File the value came from, if any.
        row: Line in that file, counted from 1.
        field: Column or key.
    """

    exit_status: int = 2

    def __init__(
        self, message: str, *, file: str | None = None, row: int | None = None, field: str | None = None
    ) -> None:
        self.message = message
        self.file = file
        self.row = row
        self.field = field
        super().__init__(_placed(message, file, row, field))

    @property
    def problems(self) -> tuple[InputError, ...]:
        """Every single complaint; this one alone unless there are several."""
        return (self,)

    def located(self, *, file: str | None = None, row: int | None = None, field: str | None = None) -> InputError:
        """The same complaint with its place filled in where it was not known."""
        return InputError(
            self.message,
            file=self.file or file,
            row=self.row if self.row is not None else row,
            field=self.field or field,
        )


class JointInputError(InputError):
    """Several mistakes in one input, told in one message; ``row`` and ``field`` are those of the first.

    Args:
        problems: At least one, in the order in which they are to be read.
    """

    def __init__(self, problems: Sequence[InputError]) -> None:
        self._problems = tuple(single for problem in problems for single in problem.problems)
        files = {problem.file for problem in self._problems}
        file = files.pop() if len(files) == 1 else None
        lines = [
            _placed(problem.message, problem.file if file is None else None, problem.row, problem.field)
            for problem in self._problems[:SHOWN]
        ]
        more = len(self._problems) - len(lines)
        listed = "\n".join(f"  {line}" for line in [*lines, *([f"and {more} more"] if more else [])])
        super().__init__(f"{len(self._problems)} problems\n{listed}", file=file)
        self.row, self.field = self._problems[0].row, self._problems[0].field

    @property
    def problems(self) -> tuple[InputError, ...]:
        """Every single complaint."""
        return self._problems

    def located(self, *, file: str | None = None, row: int | None = None, field: str | None = None) -> InputError:
        """The same complaints, each with its place filled in where it was not known."""
        return JointInputError([problem.located(file=file, row=row, field=field) for problem in self._problems])


def together(problems: Sequence[InputError]) -> InputError:
    """One error that tells every problem, in the order of the rows; a single problem is itself.

    >>> bad = [InputError("step must be a number", row=9), InputError("score must be a number", row=2, field="score")]
    >>> print(together(bad).located(file="results.csv"))
    results.csv: 2 problems
      row 2, field score: score must be a number
      row 9: step must be a number
    """
    single = sorted((one for problem in problems for one in problem.problems), key=lambda one: one.row or 0)
    return single[0] if len(single) == 1 else JointInputError(single)


def _placed(message: str, file: str | None, row: int | None, field: str | None) -> str:
    place = [file] if file else []
    if row is not None:
        place.append(f"row {row}")
    if field is not None:
        place.append(f"field {field}")
    return f"{', '.join(place)}: {message}" if place else message


class ComputationError(HeadstartError):
    """The computation could not be completed although the input was sound (exit status 3)."""


class UnfitError(ComputationError):
    """A machine that cannot do the work, whoever's work it is: it is done on another, or there (exit status 3)."""


class Terminated(BaseException):
    """This process was asked to end (SIGTERM), as a machine that is about to be taken away asks (exit status 143)."""
