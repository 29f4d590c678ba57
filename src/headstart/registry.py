"""Families that others can extend: members by name, those of headstart and those of installed packages.

A family (score curves, reward rules, tasks, executors, protocols, ...) is one ``Registry``. A package adds a member by
an entry point in the group of the family, imported only when its name is used; a script adds one with ``register``.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from headstart.errors import InputError

Member = TypeVar("Member")
Added = TypeVar("Added")


class Registry(Generic[Member]):
    """The members of one family by name.

    Args:
        family: What one member is called in messages, such as ``"curve law"``.
        group: Entry-point group in which packages offer members, such as ``"headstart.curves"``.
        members: The members that come with headstart.
        lazy: Members that come with headstart and are imported when first used: name to ``"module:attribute"``.
        complaint: What is wrong with a candidate from outside, or None if nothing is; ``"must be ..., got ..."``.

    A name of headstart's own cannot be replaced from outside: its meaning does not depend on what is installed.

    >>> shapes = Registry[str]("shape", group="headstart.doctest", members={"round": "circle"})
    >>> shapes.register("angular", "square")
    'square'
    >>> shapes.names(), shapes["angular"]
    (('round', 'angular'), 'square')
    """

    def __init__(
        self,
        family: str,
        *,
        group: str,
        members: Mapping[str, Member] | None = None,
        lazy: Mapping[str, str] | None = None,
        complaint: Callable[[object], str | None] | None = None,
    ) -> None:
        self.family, self.group = family, group
        self._members: dict[str, Member] = dict(members or {})
        self._lazy = dict(lazy or {})
        self.own = (*self._members, *self._lazy)
        """Names of the members that come with headstart."""
        self._complaint = complaint

    def register(self, name: str, member: Added) -> Added:
        """Add a member under a new name, for this process; returns it.

        Worker processes do not see it: a package whose members run in workers declares an entry point.

        Raises:
            InputError: If the name is taken, or the member is not of this family.
        """
        if name in self._members or name in self._lazy:
            raise InputError(f"the name of a {self.family} must be new, got {name!r}")
        self._members[name] = self._checked(name, member, "registered")
        return member

    def names(self) -> tuple[str, ...]:
        """Names of all members, headstart's own first; nothing is imported to tell them."""
        return tuple(dict.fromkeys([*self.own, *self._members, *(point.name for point in self._offers())]))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._members or name in self._lazy or any(point.name == name for point in self._offers())

    def __getitem__(self, name: str) -> Member:
        """The member called ``name``.

        Raises:
            InputError: If there is none, if two packages offer it, or if the package that offers it does not load.
        """
        if name not in self._members:
            self._members[name] = self._load(name)
        return self._members[name]

    def provider(self, name: str) -> str | None:
        """Name of the installed package that offers a member; None for headstart's own and those of this process."""
        return next((p.dist.name for p in self._offers() if p.name == name and p.dist is not None), None)

    def name_of(self, member: object) -> str | None:
        """The name of a member that has been used or registered before, or None."""
        return next((name for name, known in self._members.items() if known is member), None)

    def _load(self, name: str) -> Member:
        if name in self._lazy:
            return cast("Member", imported(self._lazy[name]))
        offers = [point for point in self._offers() if point.name == name]
        if not offers:
            raise InputError(f"{self.family} must be one of {', '.join(self.names())}, got {name!r}")
        if len(offers) > 1:
            packages = " and ".join(sorted(_package(point) for point in offers))
            raise InputError(f"the {self.family} {name!r} is offered by {packages}; uninstall all but one of them")
        try:
            found: object = offers[0].load()
        except Exception as error:  # another package's code: whatever it raises is its own
            reason = f"{type(error).__name__}: {error}"
            raise InputError(f"{self._called(offers[0])} cannot be loaded ({reason})") from error
        return self._checked(name, found, self._called(offers[0]))

    def _checked(self, name: str, found: object, called: str) -> Member:
        wrong = self._complaint(found) if self._complaint else None
        if wrong is not None:
            called = f"the {self.family} {name!r}" if called == "registered" else called
            raise InputError(f"{called} {wrong}")
        return cast("Member", found)

    def _called(self, point: EntryPoint) -> str:
        return f"the {self.family} {point.name!r} of {_package(point)} (entry point {point.value} in {self.group})"

    def _offers(self) -> list[EntryPoint]:
        return [point for point in _installed(self.group) if point.name not in self.own]


_Seen = tuple[Callable[..., object], tuple[tuple[str, int], ...]]
_found: dict[str, tuple[_Seen, tuple[EntryPoint, ...]]] = {}
"""What was found of each group, and where it was looked."""


def _installed(group: str) -> tuple[EntryPoint, ...]:
    """What installed packages offer; looked up anew when a folder that Python imports from has changed.

    The look-up reads the metadata of every installed package, which takes longer than reading a small file of results.
    """
    where: _Seen = entry_points, tuple((path, _changed(path)) for path in sys.path)
    known = _found.get(group)
    if known is None or known[0] != where:
        known = where, tuple(entry_points(group=group))
        _found[group] = known
    return known[1]


def _changed(path: str) -> int:
    """When a folder was changed, in nanoseconds; 0 where there is none."""
    try:
        return os.stat(path or ".").st_mtime_ns
    except OSError:
        return 0


def _package(point: EntryPoint) -> str:
    return f"the package {point.dist.name}" if point.dist is not None else "an unknown package"


def imported(place: str) -> object:
    """What stands at ``"module:attribute"``."""
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)


def numbers_taken(function: Callable[..., object], *, beside: tuple[str, ...] = ()) -> dict[str, type]:
    """The numbers that a function takes, ``int`` or ``float`` by name, as its short form on the command line has them.

    Args:
        function: A function or class.
        beside: Names of parameters that are not part of the short form.

    >>> def top(n, value, *, k: int): ...
    >>> numbers_taken(top, beside=("n", "value"))
    {'k': <class 'int'>}
    """
    parameters = inspect.signature(function).parameters.values()
    return {p.name: int if p.annotation in (int, "int") else float for p in parameters if p.name not in beside}


def callable_complaint(found: object) -> str | None:
    """The complaint of a family whose members are functions or classes."""
    return None if callable(found) else f"must be a function or a class, got {type(found).__name__}"


def class_complaint(*attributes: str) -> Callable[[object], str | None]:
    """The complaint of a family whose members are classes with the given attributes.

    >>> class_complaint("score")(3)
    'must be a class, got int'
    >>> class_complaint("score")(dict)
    'must have score, got the class dict without it'
    """

    def complaint(found: object) -> str | None:
        if not isinstance(found, type):
            return f"must be a class, got {type(found).__name__}"
        missing = [name for name in attributes if not hasattr(found, name)]
        return f"must have {missing[0]}, got the class {found.__name__} without it" if missing else None

    return complaint
