"""What score curves and costs have in common: batches of functions of effort, known by a kind and its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray, IntArray, frozen, require_finite, rows


class Law:
    """A batch of functions of effort of one kind; a frozen dataclass whose fields are its parameters.

    The constructor takes every parameter by keyword. Its signature is also the form of the table in a contest file:
    the keys, their defaults, and whether they are numbers.
    """

    kind: ClassVar[str]
    """Name of the law in contest files."""

    stacks: ClassVar[bool] = True
    """Whether parameters are numbers, so that several items make one batch; else an item stands alone, and its
    parameters are lists."""

    def _set(self, **values: ArrayLike) -> None:
        """Store parameters as read-only float arrays; every one must be finite."""
        for name, value in values.items():
            array = frozen(value)
            require_finite(name, array)
            object.__setattr__(self, name, array)

    def parameters(self) -> dict[str, FloatArray]:
        """Values by the keyword under which the constructor takes them."""
        return {field.name: getattr(self, field.name) for field in fields(cast(Any, self))}

    def take(self, index: IntArray) -> Self:
        """The items at ``index`` of a one-dimensional batch; an item that stands alone broadcasts."""
        return cast(Self, rows(cast(Any, self), index)) if self.stacks else self

    def map(self, change: Callable[[FloatArray], FloatArray]) -> Self:
        """The same law with every parameter changed, such as ``lambda values: values[:, 0]``."""
        return type(self)(**{name: change(values) for name, values in self.parameters().items()})

    def kinks(self) -> FloatArray:
        """Efforts at which a derivative may jump."""
        return np.empty(0)
