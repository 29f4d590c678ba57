"""Archives, YAML and JSON from strangers: one message that names the file, in little time and memory."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

import pytest

from headstart.data.readers import READERS
from headstart.data.readers.reader import ReadOptions
from headstart.data.trajectory_files import read_rows
from headstart.errors import InputError
from headstart.io import archives, text, yaml_documents
from headstart.io.archives import ZSTANDARD, Archive

zstandard = pytest.importorskip("zstandard")


def complaint(path: Path, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        read_rows(path, options=ReadOptions(**options))  # type: ignore[arg-type]
    return str(caught.value)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return stream.getvalue()


def zstandard_zip(name: str, content: bytes) -> bytes:
    """A zip archive as Inspect writes it, with one member packed by zstandard."""
    import zlib

    packed = zstandard.ZstdCompressor().compress(content)
    label = name.encode()
    common = (0, ZSTANDARD, 0, 33, zlib.crc32(content), len(packed), len(content), len(label), 0)
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, *common) + label + packed
    entry = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, *common, 0, 0, 0, 0, 0) + label
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local), 0)
    return local + entry + end


def test_members_packed_in_each_known_way_are_read() -> None:
    content = b"[1, 2]" * 100
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert Archive(zipped({"a.json": content}, method), "x").read("a.json") == content
    assert Archive(zstandard_zip("a.json", content), "x").read("a.json") == content
    with pytest.raises(InputError, match=r"must be packed by deflate or zstandard, got compression method 14"):
        Archive(zipped({"a.json": content}, zipfile.ZIP_LZMA), "x").read("a.json")
    with pytest.raises(InputError, match=r"x: must hold 'b.json'"):
        Archive(zipped({"a.json": content}), "x").read("b.json")


@pytest.mark.parametrize(
    "make", [lambda data: zipped({"header.json": data}), lambda data: zstandard_zip("header.json", data)]
)
def test_a_bomb_in_an_archive_is_refused(tmp_path, make) -> None:
    path = tmp_path / "t.eval"
    path.write_bytes(make(b" " * (64 << 20)))
    assert path.stat().st_size < 100_000
    assert complaint(path) == f"{path}: the member 'header.json' unpacks to more than 1000 times its size"


def test_an_archive_is_bounded_in_all_and_in_its_members(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(archives, "MOST_UNPACKED", 3000)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    archive = Archive(zipped({"a": b"x" * 2000, "b": b"y" * 2000}), "t.eval")
    archive.read("a")
    with pytest.raises(InputError, match=r"the member 'b' would make more than 0 MiB unpacked in all"):
        archive.read("b")
    with pytest.raises(InputError, match=r"must hold at most 3 members, got 4"):
        Archive(zipped({name: b"" for name in "abcd"}), "t.eval")


@pytest.mark.parametrize(
    "name", ["../header.json", "/header.json", "a/../../header.json", "..\\header.json", "C:header.json"]
)
def test_names_that_lead_out_of_an_archive_are_refused(tmp_path, name) -> None:
    path = tmp_path / "t.eval"
    path.write_bytes(zipped({name: b"{}", "header.json": b"{}"}))
    assert complaint(path) == f"{path}: must not name members outside the archive, got {name!r}"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["t.eval"]


def test_damaged_and_encrypted_members_are_refused() -> None:
    data = bytearray(zipped({"a.json": b"x" * 50}, zipfile.ZIP_STORED))
    data[data.index(b"xxxx")] = ord("y")
    with pytest.raises(InputError, match=r"the member 'a.json' is damaged: its checksum does not fit"):
        Archive(bytes(data), "t").read("a.json")
    data = bytearray(zipped({"a.json": b"x" * 50}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InputError, match=r"the member 'a.json' is encrypted"):
        Archive(bytes(data), "t").read("a.json")
    with pytest.raises(InputError, match=r"is a damaged zip archive"):
        Archive(b"PK\x03\x04 and no more", "t")
    data = bytearray(zipped({"a.json": bytes(range(256)) * 90}))
    data[50:80] = bytes(30)
    with pytest.raises(InputError, match=r"the member 'a.json' is damaged"):
        Archive(bytes(data), "t").read("a.json")


def test_a_log_without_the_package_that_unpacks_it(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(InputError, match=r"reading it needs one more package: pip install 'headstart\[files\]'"):
        Archive(zstandard_zip("a", b"x"), "t").read("a")


def test_yaml_without_its_package(monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    (tmp_path / "t.yaml").write_text("- dataset: {id: a/b}\n  value: 1\n")
    assert "is YAML; reading it needs one more package: pip install 'headstart[files]'" in complaint(
        tmp_path / "t.yaml", model="m"
    )


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{now}: &{now} [{', '.join([f'*{before}'] * 9)}]\n" for before, now in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (BOMB + "dataset: 1\n", "row 2: must not use aliases"),
        ("- dataset: {id: a/b, id: c/d}\n  value: 1\n", "row 1: the key 'id' is repeated"),
        ("- dataset: !!python/object/apply:os.system [id]\n  value: 1\n", "could not determine a constructor"),
        ("- dataset: {id: a/b\n  value: 1\n", "is not well-formed YAML"),
        ("dataset: " + "[" * 3000 + "\n", "is nested too deeply"),
        ("- dataset: {id: a/b}\n  value: 1" + ":1" * 300_000 + "\n", "value must be a number"),
        ("- dataset: {id: a/b}\n  value: .nan\n", "all 1 scores are missing"),
        ("- dataset: {id: a/b}\n  value: .inf\n", "score must be a finite number"),
        ("- dataset: {id: 7}\n  value: 1\n", "dataset.id must be text"),
        ("- dataset:\n", "dataset.id must be text"),
        ("dataset: {id: a/b}\nvalue: 1\n", "must be a list of results"),
        ("- dataset: {id: a/b}\n  value: 0.5\n  notes: step soon\n", "must note a number, got 'soon'"),
    ],
)
def test_bad_yaml_is_refused(tmp_path, content, words) -> None:
    import re

    path = tmp_path / "t.yaml"
    path.write_text(content)
    assert re.search(words, complaint(path, model="m"))


def test_files_over_the_limits_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(text, "MOST_BYTES", 2 << 20)
    monkeypatch.setattr(yaml_documents, "MOST_YAML_BYTES", 1 << 20)
    path = tmp_path / "t.csv"
    path.write_bytes(b"model,step,score\n" + b"a,0,0.5\n" * 300_000)
    assert complaint(path) == f"{path}: must be at most 2 MiB, got more"
    path = tmp_path / "t.yaml"
    path.write_bytes(b"- dataset: {id: a/b}\n  value: 1\n" * 40_000)
    assert "must be at most 1 MiB of YAML" in complaint(path, model="m")


BAD = {
    "every-eval-ever": [
        (("evaluation_results", 0, "score_details", "score"), float("nan"), "all 1 scores are missing"),
        (("evaluation_results", 0, "score_details", "score"), float("inf"), "score must be a finite number"),
        (("evaluation_results", 0, "evaluation_name"), 7, "evaluation_name must be text"),
        (("evaluation_results",), [], "holds no scores"),
        (("model_info", "additional_details", "step"), "soon", "step must be a number, got 'soon'"),
        (("model_info", "additional_details", "step"), "-1", "step must be a number >= 0, got -1.0"),
        (("model_info", "additional_details", "step"), "nan", "step must be a number >= 0, got nan"),
        (("model_info", "id"), "a\x1bb", "model must not hold control characters"),
    ],
    "lm-eval": [
        (("results", "mmlu"), {}, "holds no scores"),
        (("results", "mmlu", "acc,none"), float("nan"), "all 1 scores are missing"),
        (("config", "model_args"), 7, "says no model"),
    ],
    "trainer-state": [
        (("log_history",), [7], "holds no evaluations"),
        (("log_history", 1, "step"), None, "step must be a number|no score says its step|every score must say"),
        (("log_history", 1, "eval_accuracy"), float("inf"), "score must be a finite number"),
    ],
    "leaderboard": [(("config",), {"model_args": ""}, "says no model")],
}


@pytest.mark.parametrize(
    ("name", "at", "value", "words"), [(name, *one) for name, several in BAD.items() for one in several]
)
def test_bad_values_in_documents_are_refused(tmp_path, name, at, value, words) -> None:
    import re

    example = READERS[name].example()
    document = json.loads(example.data)
    inner = document
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    path = tmp_path / example.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    said = complaint(path)
    assert re.search(words, said), said
    assert str(path) in said


def test_links_out_of_a_folder_are_not_followed(tmp_path) -> None:
    inside, outside = tmp_path / "runs", tmp_path / "secret"
    inside.mkdir()
    outside.mkdir()
    (outside / "a.json").write_bytes(READERS["every-eval-ever"].example().data)
    (inside / "a.json").symlink_to(outside / "a.json")
    (inside / "more").symlink_to(outside)
    assert "holds no file of a kind that is read from folders" in complaint(inside)


def test_a_folder_with_too_many_files_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("headstart.data.readers.folder.MOST_FILES", 3)
    for at in range(5):
        (tmp_path / f"{at}.txt").touch()
    assert "must hold at most 3 files, got more" in complaint(tmp_path)
