"""A hundred thousand damaged inputs over every reader: each is read or refused with a message, fast, in little memory.

OMP_NUM_THREADS=1 python bench/fuzz_readers.py [INPUTS [READER ...]]

Every registered reader of measurements is among them. With names of readers, only these are fed and nothing is
recorded.
"""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

from machine import machine

from headstart._resources import catalog_path, example_path
from headstart.certificate import verify
from headstart.contest.contest_file import read_contest, read_document
from headstart.data.item_scores import read_items
from headstart.data.lm_eval import import_lm_eval
from headstart.data.readers import READERS
from headstart.data.readers.reader import ReadOptions
from headstart.data.trajectory_files import read_results, read_rows
from headstart.errors import HeadstartError
from headstart.io.documents import read_json
from headstart.solve.prove import prove
from headstart.tune.item_files import read_records
from headstart.tune.plan_file import read_plan

RESULT = Path(__file__).parent / "results" / "fuzz_readers.json"
INPUTS = 100_000
SLOW_SECONDS = 2.0
MOST_BYTES = 1 << 30

TOKENS = [
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b",", b";", b"\t", b"\n", b"\r\n", b"[", b"]", b"{", b"}",
    b"[" * 200, b"{" * 50, b"1e999", b"-1e999", b"NaN", b"nan", b"Infinity", b"null", b"true", b"9" * 400,
    b"0." + b"9" * 400, b"1e-400", b"-0", b"0x10", b"1_000", "é".encode(), "\u2028".encode(), b"../../etc/passwd",
    b"=1+1", b"direct", b"tuned", b"model", b"step", b"score", b"<script>", b"%s%n", b"\\u0000", b"\\ud800",
]  # fmt: skip


def damaged(data: bytes, random: Random) -> bytes:
    """One to four changes: bytes flipped, cut out, doubled, moved, cut off, or replaced by something awkward."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        n = len(changed)
        at, size = random.randrange(n + 1), random.choice((1, 1, 2, 5, 20, 200))
        match random.randrange(6):
            case 0:
                for place in range(at, min(at + size, n)):
                    changed[place] = random.randrange(256)
            case 1:
                del changed[at : at + size]
            case 2:
                changed[at:at] = changed[at : at + size]
            case 3:
                piece = changed[at : at + size]
                del changed[at : at + size]
                there = random.randrange(len(changed) + 1)
                changed[there:there] = piece
            case 4:
                changed[at : at + random.choice((0, size))] = random.choice(TOKENS)
            case _:
                if random.random() < 0.1:
                    del changed[at:]
    return bytes(changed)


def measurements() -> dict[str, bytes]:
    """The same small table in every form, by the end of its name."""
    import polars as pl

    lines = example_path("ladder/trajectories.csv").read_text().splitlines()[:40]
    head, *body = (line.split(",")[:6] for line in lines)
    rows = [dict(zip(head, row, strict=True)) for row in body]
    typed = [row | {key: float(row[key]) for key in ("step", "score", "stderr", "n_items")} for row in rows]
    parquet = io.BytesIO()
    pl.DataFrame(typed).write_parquet(parquet)
    models, steps = sorted({row["model"] for row in rows}), sorted({float(row["step"]) for row in typed})
    wide = ["model," + ",".join(f"{step:g}" for step in steps)]
    wide += [f"{name}," + ",".join(f"{0.3 + 0.01 * at:.2f}" for at in range(len(steps))) for name in models]
    rule = "|".join("-" for _ in head)
    markdown = "\n".join("|".join(row) for row in (head, [rule], *body))
    nested = {"direct": {"task": {"a": 0.3, "b": 0.4}}, "tuned": {"task": {"a": 0.5, "b": 0.45}}}
    return {
        "csv": "\n".join(",".join(row) for row in (head, *body)).encode(),
        "tsv": "\n".join("\t".join(row) for row in (head, *body)).encode(),
        "jsonl": "\n".join(json.dumps(row) for row in typed).encode(),
        "json": json.dumps(typed).encode(),
        "parquet": parquet.getvalue(),
        "wide.csv": "\n".join(wide).encode(),
        "two.csv": b"model,direct,tuned,n_items\na,0.3,0.6,1000\nb,0.5,0.55,1000\nc,0.4,0.5,1000\n",
        "nested.json": json.dumps(nested).encode(),
        "md": f"# Results\n\n{markdown}\n".encode(),
    }


def kinds_of_files(folder: Path) -> dict[str, tuple[bytes, Callable[[bytes], object]]]:
    """The example of every registered reader, read as it is recognised and, since damage may hide its kind, as told."""
    found: dict[str, tuple[bytes, Callable[[bytes], object]]] = {}
    for name in READERS.names():
        example = READERS[name].example()
        path = folder / name / example.name
        path.parent.mkdir(parents=True)

        told = replace(example.options, reader=name, model="m", step=0.0, newest=True)
        found[name] = (example.data, partial(written_and_read, path, example.options))
        found[f"{name}, told"] = (example.data, partial(written_and_read, path, told))
        if zipfile.is_zipfile(io.BytesIO(example.data)):
            found |= inside(name, example.data, path)
    return found


def written_and_read(path: Path, options: ReadOptions, data: bytes) -> object:
    path.write_bytes(data)
    return read_rows(path, options=options)


def inside(name: str, data: bytes, path: Path) -> dict[str, tuple[bytes, Callable[[bytes], object]]]:
    """Each member of an archive, damaged and packed again: damage to the archive itself rarely gets that far."""
    members = {one: zipfile.ZipFile(io.BytesIO(data)).read(one) for one in zipfile.ZipFile(io.BytesIO(data)).namelist()}
    found: dict[str, tuple[bytes, Callable[[bytes], object]]] = {}
    for member, content in members.items():

        def attempt(changed: bytes, member: str = member) -> object:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for other, kept in members.items():
                    archive.writestr(other, changed if other == member else kept)
            return read_items(path) if member == "summaries.json" else read_rows(path)

        found[f"{name}, {member}"] = (content, attempt)
    return found


def readers(folder: Path) -> dict[str, tuple[bytes, Callable[[bytes], object]]]:
    """What is damaged, and what reads it."""

    def of_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
        def attempt(data: bytes) -> object:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            return read(path)

        return attempt

    found = {name: (data, of_file(f"t.{name}", read_results)) for name, data in measurements().items()}
    found |= kinds_of_files(folder / "kinds")
    contest = catalog_path() / "power-law-direct" / "contest.toml"
    found["contest.toml"] = (contest.read_bytes(), of_file("contest.toml", read_contest))
    document = json.dumps({"schema": "headstart.contest/1", "rewards": [2, 1, 0], "models": [
        {"name": name, "curve": {"kind": "linear", "intercept": at, "slope": 1}, "cost": {"kind": "power", "scale": 1}}
        for at, name in enumerate("abc")]}).encode()  # fmt: skip
    found["contest.json"] = (document, of_file("contest.json", read_contest))
    proof = json.dumps(prove(read_document(catalog_path() / "two-lines-apart" / "contest.toml"))).encode()
    found["proof.json"] = (proof, of_file("proof.json", lambda path: verify(read_json(path))))
    shutil.copytree(example_path("tasks"), folder / "examples" / "tasks")
    for model in ("full", "drop-3", "drop-3-benchmaxxed"):  # a plan names folders that must be there
        (folder / "models" / model).mkdir(parents=True)
        for name in ("model.safetensors", "config.json", "tokenizer.json"):
            (folder / "models" / model / name).write_text("{}")
    plan = example_path("demo/plan.toml").read_bytes()
    found["plan.toml"] = (plan, of_file("examples/demo/plan.toml", read_plan))
    items = next(example_path("tasks").rglob("*.jsonl")).read_bytes().splitlines(keepends=True)[:20]
    found["items.jsonl"] = (b"".join(items), of_file("items.jsonl", lambda path: list(read_records(str(path))[0])))
    harness = {"results": {"task": {"alias": "task", "acc,none": 0.5, "acc_stderr,none": 0.01}}, "n-samples":
               {"task": {"original": 100, "effective": 100}}, "config": {"model_args": "pretrained=m"},
               "higher_is_better": {"task": {"acc": True}}}  # fmt: skip
    layout = "{model}/step_{step}/{task}.json"
    place = of_file("runs/m/step_0/task.json", lambda _path: import_lm_eval(folder / "runs", layout))
    found["lm-eval.json"] = (json.dumps(harness).encode(), place)
    return found


def main(inputs: int, only: Sequence[str]) -> int:
    """Damage, read, count, write the result; exit 1 if a reader failed."""
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        kinds = {kind: one for kind, one in readers(Path(name)).items() if not only or kind.split(",")[0] in only}
        rows: dict[str, dict[str, object]] = {}
        failures: Counter[str] = Counter()
        for kind, (seed, attempt) in kinds.items():
            attempt(seed)
            random, outcomes, slowest = Random(kind), Counter[str](), 0.0
            for _ in range(inputs // len(kinds)):
                data = damaged(seed, random)
                begun = time.perf_counter()
                try:
                    attempt(data)
                    outcomes["read"] += 1
                except HeadstartError:
                    outcomes["refused"] += 1
                except Exception:
                    outcomes["failed"] += 1
                    failures[f"{kind}: {traceback.format_exc().strip().splitlines()[-1]}"] += 1
                slowest = max(slowest, time.perf_counter() - begun)
            rows[kind] = {**outcomes, "slowest_seconds": round(slowest, 3)}
            print(kind, rows[kind], flush=True)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    result = {
        "machine": machine(),
        "inputs": sum(inputs // len(kinds) for _ in kinds),
        "readers": rows,
        "failures": dict(failures),
        "most_bytes": most,
        "limits": {"seconds": SLOW_SECONDS, "bytes": MOST_BYTES},
    }
    if inputs >= INPUTS and not only:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    for line, count in failures.most_common(20):
        print(count, line)
    slow = [kind for kind, row in rows.items() if float(str(row["slowest_seconds"])) > SLOW_SECONDS]
    print("most memory", most, "slow", slow)
    return 1 if failures or slow or most > MOST_BYTES else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else INPUTS, sys.argv[2:]))
