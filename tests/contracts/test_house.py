"""Promises that several files of this repository make together."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

import headstart

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
    asked += [requirement for extra in extras for requirement in extra if not requirement.startswith("headstart[")]
    assert {canonical(requirement) for requirement in asked} <= pinned


def test_every_layer_is_held_by_the_import_contracts() -> None:
    contracts = {contract["id"]: contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
    layers = {f"headstart.{path.stem}" for path in PACKAGE.iterdir() if not path.name.startswith(("_", "py."))}
    without_torch = set(contracts["torch"]["source_modules"])
    whole_layers = {module for module in without_torch if module.count(".") == 1}
    assert whole_layers == layers - {"headstart.tune"}
    assert set(contracts["plotting"]["source_modules"]) == layers - {"headstart.report"}


def test_the_certificate_may_not_import_anything_that_solves() -> None:
    contracts = {contract["id"]: contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
    packages = {f"headstart.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py")}
    assert packages - {"headstart.certificate"} <= set(contracts["certificate"]["forbidden_modules"])


def test_every_layer_has_a_page_in_the_reference() -> None:
    layers = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert layers <= {page.stem for page in (ROOT / "docs" / "reference").glob("*.md")}


def test_every_public_name_is_there() -> None:
    for name in headstart.__all__:
        assert getattr(headstart, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = headstart.nothing


def test_the_package_starts_without_its_heavy_libraries() -> None:
    code = (
        "import sys, headstart.cli; print(sorted({'numpy', 'scipy', 'polars', 'altair', 'flint'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_the_same_everywhere() -> None:
    """A version in the making is under "Unreleased"; what is cited is the newest that was released."""
    found = re.search(r'__version__ = "(.+)"', (PACKAGE / "__init__.py").read_text())
    assert found
    version, changes = found.group(1), (ROOT / "CHANGELOG.md").read_text()
    released = re.search(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", changes, re.M)
    assert released
    assert f"version: {released.group(1)}\n" in (ROOT / "CITATION.cff").read_text()
    if ".dev" in version:
        assert "\n## Unreleased\n" in changes.split(f"## {released.group(1)}")[0]
    else:
        assert version == released.group(1)


def test_a_newcomer_finds_ten_things_where_the_architecture_page_says() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    things = re.findall(r"^\| [^|]+ \| `([\w/]+\.py)` \| `(\w+)` \|$", page, re.M)
    assert len(things) == 10
    for path, name in things:
        assert re.search(rf"^(def|class) {name}\b", (PACKAGE / path).read_text(), re.M), (path, name)


def test_the_architecture_page_lists_the_layers_that_are_proved() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    table = page.split("| layer | what it may use |")[1].split("\n## ")[0]
    listed = [sorted(re.findall(r"`(\w+)`", row.split("|")[1])) for row in table.splitlines() if row.startswith("| `")]
    contracts = {contract["id"]: contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
    assert listed == [sorted(layer.split(" | ")) for layer in contracts["layers"]["layers"]]


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("headstart", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 200
    while leaves := {module for module, imported in imports.items() if not imported & imports.keys()}:
        imports = {module: imported for module, imported in imports.items() if module not in leaves}
    assert sorted(imports) == []  # what is left imports what is left
