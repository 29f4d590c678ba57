"""JUnit files: well-formed whatever the names hold, with the counts that servers read."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from headstart.errors import InputError
from headstart.io.junit import Check, junit_xml, write_junit

CHECKS = [
    Check(name="rank of a&b <c>", group="mmlu"),
    Check(name='rank of "d"', group="mmlu", status="failed", message="is 1, may be 1 to 3", details="line 1\nline 2"),
    Check(name="rank of e", group="gsm8k", status="skipped", message="no standard error"),
]


def test_names_are_escaped_and_outcomes_counted(tmp_path: Path) -> None:
    write_junit(tmp_path / "checks.xml", "published.csv", CHECKS)
    root = ElementTree.parse(tmp_path / "checks.xml").getroot()
    (suite,) = root.findall("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == [check.name for check in CHECKS]
    failure = cases[1].find("failure")
    assert failure is not None
    assert (failure.get("message"), failure.text) == ("is 1, may be 1 to 3", "line 1\nline 2")
    assert cases[2].find("skipped") is not None and len(cases[0]) == 0


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    check = Check(name="\x00\x1b[31mred\ud800\ufffe", group="ok\ttab", status="failed", message="\x07", details="\x0b")
    (case,) = ElementTree.fromstring(junit_xml("s", [check])).iter("testcase")
    assert case.get("name") == "\ufffd\ufffd[31mred\ufffd\ufffd"
    assert case.get("classname") == "ok\ttab"


def test_a_failure_needs_a_message() -> None:
    with pytest.raises(InputError, match="message must say why 'x' failed, got nothing"):
        Check(name="x", group="g", status="failed")
