"""Array types, and the two checks every value of this package makes on construction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headstart.errors import InputError

if TYPE_CHECKING:
    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]
else:  # jaxtyping wants the class itself at run time
    FloatArray = IntArray = BoolArray = np.ndarray


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
