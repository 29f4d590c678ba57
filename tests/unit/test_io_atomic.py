"""A file is either the old one or all of the new one."""

import json
import os
import stat

import pytest

from headstart.errors import InputError
from headstart.io import atomic
from headstart.io.atomic import envelope, write_bytes, write_json, write_text


def test_an_existing_file_survives_a_write_that_fails(tmp_path, monkeypatch):
    path = tmp_path / "audit.json"
    path.write_text("old")

    def power_cut(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", power_cut)
    with pytest.raises(InputError, match="No space left on device"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["audit.json"]


def test_an_interrupt_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "audit.json", "new")
    assert os.listdir(tmp_path) == []


def test_a_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    write_text(tmp_path / "new", "x")
    assert (tmp_path / "new").stat().st_mode == ordinary.stat().st_mode
    private = tmp_path / "private"
    private.touch(mode=0o600)
    write_text(private, "x")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_to_and_not_replaced():
    write_text("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_line_ends_and_letters_are_written_as_they_are(tmp_path):
    write_text(tmp_path / "a", "é\r\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9\r\n"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("missing/a.json", "the folder .*missing does not exist"),
        ("", "a folder of that name exists"),
        ("file/a.json", "Not a directory"),
        ("a\0b", "null"),
    ],
)
def test_a_place_that_cannot_be_written_is_bad_input_and_is_named(tmp_path, name, complaint):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=complaint) as caught:
        write_bytes(f"{tmp_path}/{name}", b"")
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_never_holds_a_number_that_is_not_finite(tmp_path, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"score": [number]})
    assert os.listdir(tmp_path) == []


def test_json_goes_to_standard_output_under_the_name_dash(capsys):
    write_json("-", {"name": "é", "value": None})
    assert json.loads(capsys.readouterr().out) == {"name": "é", "value": None}


def test_the_envelope_says_schema_version_and_time_in_utc():
    fields = envelope("headstart.audit/1")
    assert fields["schema"] == "headstart.audit/1"
    assert fields["headstart_version"]
    assert fields["created_at"].endswith("+00:00")


def test_what_a_killed_write_left_is_removed_by_the_next_one_once_it_is_old(tmp_path):
    target = tmp_path / "out.json"
    old, young = tmp_path / ".out.json.0123456789ab.tmp", tmp_path / ".out.json.ba9876543210.tmp"
    others = [tmp_path / ".other.json.0123456789ab.tmp", tmp_path / ".out.json.notes.tmp"]
    for path in (old, young, *others):
        path.write_text("half")
        os.utime(path, (0, 0))
    os.utime(young)
    write_text(target, "whole")
    assert not old.exists()
    assert all(path.exists() for path in (young, *others))
    assert target.read_text() == "whole"
