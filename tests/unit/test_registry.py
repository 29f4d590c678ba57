"""Families are extended by registration or by entry points, and a broken extension harms only who uses it."""

import sys
from pathlib import Path

import pytest

from headstart.errors import InputError
from headstart.registry import Registry, callable_complaint, class_complaint


def family() -> Registry[object]:
    return Registry[object](
        "greeting",
        group="headstart.test_greetings",
        members={"hello": len},
        lazy={"root": "math:sqrt"},
        complaint=callable_complaint,
    )


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Installs a package with entry points, as far as Python can tell."""
    monkeypatch.syspath_prepend(tmp_path)

    def installed(package: str, offers: dict[str, str], code: str = "") -> None:
        (tmp_path / f"{package}.py").write_text(code)
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in offers.items())
        (info / "entry_points.txt").write_text(f"[headstart.test_greetings]\n{lines}")

    yield installed
    for name in ("goodday", "otherday"):
        sys.modules.pop(name, None)


def test_an_installed_package_adds_a_member_that_is_imported_when_its_name_is_used(install) -> None:
    install("goodday", {"day": "goodday:greet"}, "def greet(): return 'good day'\n")
    greetings = family()
    assert greetings.names() == ("hello", "root", "day")
    assert "day" in greetings
    assert "goodday" not in sys.modules
    assert greetings["day"]() == "good day"


def test_a_package_that_is_installed_later_is_seen_too_though_what_is_installed_is_looked_up_once(
    install, monkeypatch: pytest.MonkeyPatch
) -> None:
    greetings, looked = family(), []
    assert greetings.names() == greetings.names() == ("hello", "root")
    install("goodday", {"day": "goodday:greet"}, "def greet(): return 'good day'\n")
    assert greetings.names() == ("hello", "root", "day")
    monkeypatch.setattr("headstart.registry.entry_points", lambda group: looked.append(group) or [])
    assert greetings.names() == greetings.names() == ("hello", "root")
    assert looked == ["headstart.test_greetings"]


@pytest.mark.parametrize(
    ("value", "code", "said"),
    [
        ("goodday:greet", "import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("goodday:missing", "", "AttributeError"),
        ("goodday:number", "number = 3", "must be a function or a class, got int"),
    ],
)
def test_a_broken_entry_point_is_named_by_whoever_uses_it_and_harms_nobody_else(
    install,
    value: str,
    code: str,
    said: str,
) -> None:
    install("goodday", {"day": value}, code)
    greetings = family()
    assert greetings["hello"] is len
    assert greetings.names()[-1] == "day"
    with pytest.raises(InputError) as caught:
        greetings["day"]
    assert said in str(caught.value)
    assert f"the greeting 'day' of the package goodday (entry point {value} in headstart.test_greetings)" in str(
        caught.value
    )


def test_a_name_that_two_packages_offer_is_refused(install) -> None:
    install("goodday", {"day": "goodday:greet"}, "def greet(): ...")
    install("otherday", {"day": "otherday:greet"}, "def greet(): ...")
    with pytest.raises(InputError, match="offered by the package goodday and the package otherday"):
        family()["day"]


def test_what_comes_with_headstart_keeps_its_meaning(install) -> None:
    install("goodday", {"hello": "goodday:greet"}, "def greet(): ...")
    greetings = family()
    assert greetings["hello"] is len
    with pytest.raises(InputError, match="must be new, got 'root'"):
        greetings.register("root", len)


def test_lazy_members_are_found_and_unknown_ones_are_listed() -> None:
    greetings = family()
    assert greetings["root"](9) == 3
    with pytest.raises(InputError, match="greeting must be one of hello, root, got 'bye'"):
        greetings["bye"]


def test_a_registered_member_is_checked() -> None:
    checked = Registry[type]("thing", group="headstart.test_things", complaint=class_complaint("score"))
    with pytest.raises(InputError, match="the thing 'plain' must have score, got the class dict without it"):
        checked.register("plain", dict)
