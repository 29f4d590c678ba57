"""How often a job is tried whose worker dies: as long as it gets on."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Resumable(Protocol):
    """A job that another worker continues where the one before was stopped."""

    def progress(self) -> int:
        """A number that grows with what is kept of the job; 0 before anything is."""
        ...


class Tries:
    """The tries of one job: used up by workers that die one after the other without getting on.

    A machine that is taken away is no fault of the job, however often that happens, so a death behind which more is
    kept than ever before sets the count back. What is kept is bounded by the whole job, so a job ends in any case.

    Args:
        job: Gets on if it is ``Resumable``; every death counts for others.
        limit: Deaths in a row, ``>= 1``, behind which the job is given up.

    >>> tries = Tries(object(), limit=2)
    >>> tries.died(), tries.died()
    (True, False)
    """

    def __init__(self, job: object, *, limit: int) -> None:
        self._job, self._limit = job, limit
        self._kept = self._progress()
        self.deaths = 0
        """Of workers in a row that kept nothing new."""

    def died(self) -> bool:
        """Count the death of a worker; returns whether the job is to be tried again."""
        kept = self._progress()
        if kept > self._kept:
            self._kept, self.deaths = kept, 0
        else:
            self.deaths += 1
        return self.deaths < self._limit

    def _progress(self) -> int:
        return self._job.progress() if isinstance(self._job, Resumable) else 0
