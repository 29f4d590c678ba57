"""One encoder for every document: nothing that is not finite, and a reason beside what does not exist."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from headstart.io.encode import as_json, encode, encode_fields


@dataclass(frozen=True, kw_only=True, eq=False)
class Inner:
    values: np.ndarray
    name: str = field(metadata=as_json(key="called"))


@dataclass(frozen=True, kw_only=True)
class Outer:
    price: float | None = field(metadata=as_json(null_because="out of reach"))
    level: float | None = field(metadata=as_json(null_because=lambda outer: f"unknown for {outer.inner.name}"))
    proved: float | None = field(default=None, metadata=as_json(optional=True))
    secret: object = field(default=None, metadata=as_json(hidden=True))
    inner: Inner


def outer(**changes: object) -> Outer:
    inner = Inner(values=np.array([[1.0, np.inf], [np.nan, 2.0]]), name="in")
    return Outer(**({"price": math.inf, "level": None, "inner": inner} | changes))


def test_missing_numbers_are_null_beside_their_reason() -> None:
    document = encode_fields(outer())
    assert document == {
        "price": None,
        "price_reason": "out of reach",
        "level": None,
        "level_reason": "unknown for in",
        "inner": {"values": [[1.0, None], [None, 2.0]], "called": "in"},
    }
    json.dumps(document, allow_nan=False)


def test_numbers_that_exist_carry_no_reason_and_optional_ones_appear() -> None:
    document = encode_fields(outer(price=np.float64(2.5), level=0.0, proved=1.0))
    assert (document["price"], document["price_reason"]) == (2.5, None)
    assert (document["level"], document["level_reason"]) == (0.0, None)
    assert document["proved"] == 1.0 and "secret" not in document


def test_plain_values_keep_their_kind() -> None:
    assert encode({"a": (1, True, "x"), 2: Path("a/b")}) == {"a": [1, True, "x"], "2": "a/b"}
    assert encode(np.int64(3)) == 3 and encode(np.bool_(True)) is True


@pytest.mark.parametrize("value", [object(), b"bytes", Outer, {1}])
def test_what_has_no_form_in_json_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)
