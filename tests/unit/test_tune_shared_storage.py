"""A run begins only where every machine sees its files; the machines here are functions that look elsewhere."""

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from headstart.errors import InputError, UnfitError
from headstart.tune.executors import Answer, Reply, attempt
from headstart.tune.folder import RunFolder
from headstart.tune.plan_file import read_plan
from headstart.tune.shared_storage import check_shared_storage, plan_files, require_seal
from tiny_plan import Here, tiny_plan


class Machines:
    """An executor whose machines see the files of this one as ``views`` say, by name."""

    def __init__(self, **views):
        self.views = views

    def everywhere(self, function, job):
        for name, view in self.views.items():
            yield Answer(machine=name, reply=attempt(pickle.dumps((function, view(job)))))


def same(job):
    return job


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return read_plan(tiny_plan(tmp_path_factory.mktemp("plan"), models=1))


def check(folder: Path, plan, executor) -> tuple[str, ...]:
    return check_shared_storage(folder, plan, executor, patience_seconds=0.1)


def test_machines_that_see_everything_are_named_and_nothing_is_left(plan, tmp_path):
    assert check(tmp_path / "runs" / "plan", plan, Machines(a=same, b=same)) == ("a", "b")
    assert len(check(tmp_path / "runs" / "plan", plan, Here())) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_was_in_the_folder_stays(plan, tmp_path):
    (tmp_path / "sealed.json").write_text("{}")
    check(tmp_path, plan, Machines(a=same))
    assert [path.name for path in tmp_path.iterdir()] == ["sealed.json"]


def test_a_machine_without_the_folder_is_named_with_what_to_do(plan, tmp_path):
    gone = str(tmp_path / "unmounted" / "plan")
    machines = Machines(a=same, gpu07=lambda job: replace(job, run_folder=gone))
    with pytest.raises(UnfitError) as caught:
        check(tmp_path / "plan", plan, machines)
    assert str(caught.value) == (
        f"{tmp_path / 'plan'}: 1 of 2 machines cannot work on this run; put --out, models and tasks on storage that "
        f"all machines see under one path:\n  gpu07: does not see the run folder {gone}"
    )
    assert caught.value.exit_status == 3  # the plan is not at fault
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_the_machines_own_under_the_same_path_is_not_taken_for_it(plan, tmp_path):
    (tmp_path / "own").mkdir()
    machines = Machines(a=lambda job: replace(job, run_folder=str(tmp_path / "own")))
    with pytest.raises(UnfitError, match="but another folder under that path"):
        check(tmp_path / "plan", plan, machines)
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_a_copy_that_is_not_written_back_is_not_taken_for_it(plan, tmp_path):
    def copied(job):
        shutil.copytree(job.run_folder, tmp_path / "copy", dirs_exist_ok=True)
        return replace(job, run_folder=str(tmp_path / "copy"))

    with pytest.raises(UnfitError, match=r"a: writes to .*plan, but nothing of it is seen from here"):
        check(tmp_path / "plan", plan, Machines(a=copied))
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda file: replace(file, path=file.path + ".none"), r"does not see .*\.none"),
        (lambda file: replace(file, size=file.size + 1), "sees another file than this machine as "),
        (lambda file: replace(file, sha256="0" * 64), "sees another file than this machine as "),
    ],
)
def test_models_and_tasks_are_compared(plan, tmp_path, change, complaint):
    names = {Path(file.path).name for file in plan_files(plan)}
    assert {"model.safetensors", "config.json", "tokenizer.json", "train.jsonl", "test.jsonl"} <= names
    machines = Machines(a=lambda job: replace(job, files=(*job.files[:-1], change(job.files[-1]))))
    with pytest.raises(UnfitError, match=complaint):
        check(tmp_path / "plan", plan, machines)


def test_files_that_differ_in_the_middle_only_are_left_to_the_seal_and_large_ones_are_not_read(plan, tmp_path):
    (tmp_path / "train.jsonl").write_bytes(b"a" * 1_000_000)
    task = replace(plan.tasks[0], train=str(tmp_path / "train.jsonl"))
    before = plan_files(replace(plan, tasks=(task,)))
    (tmp_path / "train.jsonl").write_bytes(b"a" * 500_000 + b"b" + b"a" * 499_999)
    assert plan_files(replace(plan, tasks=(task,))) == before
    (tmp_path / "train.jsonl").write_bytes(b"a" * 999_999 + b"b")
    assert plan_files(replace(plan, tasks=(task,))) != before


def test_a_machine_that_cannot_answer_is_named_with_the_reason(plan, tmp_path):
    class Without:
        def everywhere(self, function, job):
            yield Answer(machine="old", reply=Reply(error="ModuleNotFoundError: No module named 'headstart'"))

    with pytest.raises(UnfitError, match=r"old: ModuleNotFoundError: .*is the same version of headstart installed"):
        check(tmp_path / "plan", plan, Without())


def test_a_folder_that_cannot_be_made_is_bad_input(plan, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written: Not a directory"):
        check(tmp_path / "file" / "plan", plan, Machines(a=same))


def test_a_worker_that_joins_later_and_does_not_see_the_seal_writes_nothing(tmp_path):
    with pytest.raises(UnfitError, match="this machine does not see the run folder; put --out"):
        require_seal(RunFolder(path=tmp_path / "plan"), "0" * 64, patience_seconds=0.1)
    assert list(tmp_path.iterdir()) == []
