"""Array types, and the two checks every value of this package makes on construction."""

from __future__ import annotations

from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headstart.errors import InputError

if TYPE_CHECKING:
    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]
else:  # jaxtyping wants classes at run time; arithmetic with arrays of no dimension gives numbers of numpy
    FloatArray = IntArray = BoolArray = np.ndarray | np.generic


class _Columns(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Columns = TypeVar("Columns", bound=_Columns)


def frozen(values: ArrayLike) -> FloatArray:
    """A read-only float64 copy, so that a frozen value stays frozen."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


def require(holds: bool | np.bool_, name: str, must: str, got: object) -> None:
    """Raise ``InputError("name must be ..., got ...")`` unless ``holds``."""
    if not holds:
        # an array prints shortened and on one line
        shown = " ".join(str(got).split()) if not isinstance(got, str) else repr(got)
        raise InputError(f"{name} must be {must}, got {shown}", field=name)


def require_finite(name: str, array: FloatArray) -> None:
    """Raise unless every entry is a finite number."""
    require(np.isfinite(array).all(), name, "finite", array)


def rows(batch: Columns, index: IntArray) -> Columns:
    """The rows of a frozen dataclass of arrays; they were checked when it was built, and are not checked again."""
    taken = object.__new__(type(batch))
    for field in fields(batch):
        values: FloatArray = getattr(batch, field.name)
        shared = values.ndim == 0 or (values.ndim == 1 and values.strides[0] == 0)
        own = np.broadcast_to(values.flat[0], index.shape) if shared else values[index]
        object.__setattr__(taken, field.name, own)
    return taken
