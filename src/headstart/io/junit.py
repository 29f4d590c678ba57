"""Checks as JUnit XML, which servers of continuous integration show as tests."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from headstart.errors import InputError
from headstart.io.atomic import write_bytes

Status = Literal["passed", "failed", "skipped"]

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, escaped or not: control characters and halves of surrogate pairs."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check and how it went.

    Args:
        name: What was checked, such as a model's rank.
        group: What it belongs to, such as the benchmark; servers show it as the class of the test.
        status: ``passed``, ``failed`` or ``skipped``.
        message: One line that says what was found; needed unless it passed.
        details: What else to show below the message.

    Raises:
        InputError: If a check that did not pass has no message.
    """

    name: str
    group: str
    status: Status = "passed"
    message: str = ""
    details: str = ""

    def __post_init__(self) -> None:
        if self.status != "passed" and not self.message:
            raise InputError(f"message must say why {self.name!r} {self.status}, got nothing", field="message")


def junit_xml(suite: str, checks: Sequence[Check]) -> bytes:
    """One test suite as a JUnit document; the same checks give the same bytes.

    Characters that XML cannot hold (control characters) are replaced by U+FFFD.

    Args:
        suite: Name of the suite, such as the file that was checked.
        checks: In the order in which they are to be shown.

    >>> print(junit_xml("a < b", [Check(name="rank of m", group="mmlu")]).decode())
    <?xml version='1.0' encoding='utf-8'?>
    <testsuites name="a &lt; b" tests="1" failures="0" errors="0" skipped="0">
      <testsuite name="a &lt; b" tests="1" failures="0" errors="0" skipped="0">
        <testcase name="rank of m" classname="mmlu" />
      </testsuite>
    </testsuites>
    <BLANKLINE>
    """
    counts = {
        "tests": str(len(checks)),
        "failures": str(sum(check.status == "failed" for check in checks)),
        "errors": "0",
        "skipped": str(sum(check.status == "skipped" for check in checks)),
    }
    root = ElementTree.Element("testsuites", {"name": _allowed(suite), **counts})
    inner = ElementTree.SubElement(root, "testsuite", {"name": _allowed(suite), **counts})
    for check in checks:
        case = ElementTree.SubElement(
            inner, "testcase", {"name": _allowed(check.name), "classname": _allowed(check.group)}
        )
        if check.status != "passed":
            tag = "failure" if check.status == "failed" else "skipped"
            told = ElementTree.SubElement(case, tag, {"message": _allowed(check.message)})
            told.text = _allowed(check.details) or None
        elif check.details:
            ElementTree.SubElement(case, "system-out").text = _allowed(check.details)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def write_junit(path: str | os.PathLike[str], suite: str, checks: Sequence[Check]) -> None:
    """Write ``junit_xml`` to a file, whole or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    write_bytes(path, junit_xml(suite, checks))


def _allowed(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
