"""Promises that several files of this repository make together."""

import importlib
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "headstart"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def canonical(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def test_every_dependency_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonical(line) for line in lines if "==" in line}
    extras = PYPROJECT["project"]["optional-dependencies"].values()
    asked = [*PYPROJECT["build-system"]["requires"], *PYPROJECT["project"]["dependencies"]]
    asked += [requirement for extra in extras for requirement in extra]
    assert {canonical(requirement) for requirement in asked} <= pinned


def test_every_layer_is_held_by_the_import_contracts() -> None:
    contracts = {contract["id"]: contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
    layers = {f"headstart.{path.stem}" for path in PACKAGE.iterdir() if not path.name.startswith(("_", "py."))}
    assert set(contracts["torch"]["source_modules"]) == layers - {"headstart.tune"}
    assert set(contracts["plotting"]["source_modules"]) == layers - {"headstart.report"}


def test_the_certificate_may_not_import_anything_that_solves() -> None:
    contracts = {contract["id"]: contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
    solvers = {f"headstart.solve.{path.stem}" for path in (PACKAGE / "solve").iterdir() if path.stem[0] != "_"}
    assert solvers - {"headstart.solve.certificate"} <= set(contracts["certificate"]["forbidden_modules"])


def test_every_public_name_of_a_layer_is_in_the_reference() -> None:
    pages = "\n".join(page.read_text() for page in (ROOT / "docs" / "reference").glob("*.md"))
    documented = set(re.findall(r"^\.\. automodule:: (\S+)$", pages, flags=re.MULTILINE))
    missing: list[str] = []
    for package in sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")):
        layer = importlib.import_module(f"headstart.{package}")
        for name in layer.__all__:
            home = str(getattr(getattr(layer, name), "__module__", ""))
            if home.startswith("headstart.") and home not in documented:
                missing.append(f"{package}.{name} (in {home})")
    assert missing == []


def test_the_version_is_the_same_everywhere() -> None:
    version = re.search(r'__version__ = "(.+)"', (PACKAGE / "__init__.py").read_text())
    assert version
    assert f"version: {version.group(1)}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {version.group(1)} " in (ROOT / "CHANGELOG.md").read_text()
