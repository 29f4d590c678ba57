"""What somebody who installs the wheel gets."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run_installed(installed: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` against the wheel's files, although the checkout is installed as well."""
    prelude = f"import sys; sys.path.insert(0, {str(installed)!r})\n"
    return subprocess.run([sys.executable, "-c", prelude + code], capture_output=True, text=True, cwd=installed)


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"headstart", next(top for top in tops if top.endswith(".dist-info"))}
    parts = {part for name in names for part in name.split("/")}
    assert not parts & {"tests", "bench", "experiments", "docs"}
    assert "headstart/py.typed" in names


@pytest.mark.parametrize("folder", ["catalog", "examples"])
def test_the_wheel_carries_the_folder_as_it_is_in_the_checkout(wheel: Path, folder: str) -> None:
    tracked = subprocess.run(["git", "ls-files", folder], cwd=ROOT, check=True, capture_output=True, text=True)
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    expected = {name.replace(f"{folder}/", f"headstart/_{folder}/", 1) for name in tracked.stdout.splitlines()}
    assert expected
    assert expected <= in_wheel


def test_the_packaged_files_are_found_without_the_checkout(installed: Path) -> None:
    done = run_installed(
        installed,
        "from headstart._resources import catalog_path, example_path\n"
        "assert catalog_path().is_dir(), catalog_path()\n"
        "print(example_path('README.md').read_text())",
    )
    assert done.stdout.strip() == (ROOT / "examples" / "README.md").read_text().strip(), done.stderr


def test_an_unknown_example_is_refused_with_the_ones_there_are(installed: Path) -> None:
    done = run_installed(installed, "from headstart._resources import example_path; example_path('nowhere')")
    assert done.returncode != 0
    assert "README.md" in done.stderr
    assert "'nowhere'" in done.stderr


def test_nothing_outside_tune_needs_torch(installed: Path) -> None:
    code = """
import importlib, pkgutil

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("torch was imported")

sys.meta_path.insert(0, NoTorch())
import headstart
assert headstart.__file__.startswith(sys.path[0]), headstart.__file__
for module in pkgutil.walk_packages(headstart.__path__, "headstart."):
    if not module.name.startswith("headstart.tune"):
        importlib.import_module(module.name)
"""
    done = run_installed(installed, code)
    assert done.returncode == 0, done.stderr
