"""Readers: every kind of file is recognised by what it holds, by one reader, and read to the last digit."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from headstart.data.collected import collect_rows
from headstart.data.item_scores import read_items
from headstart.data.readers import READERS, asked, read_measurements, recognise
from headstart.data.readers.reader import Given, ReadOptions
from headstart.data.trajectory_files import read_parsed, read_rows, read_trajectories
from headstart.errors import InputError
from headstart.registry import Registry

FIXTURES = Path(__file__).parents[1] / "fixtures" / "readers"


def scores(given: object, **options: object) -> dict[tuple[str | None, str, float, str | None], float | None]:
    rows = read_rows(given, options=ReadOptions(**options))  # type: ignore[arg-type]
    return {(row.benchmark, row.model, row.step, row.seed): row.score for row in rows}


def refused(given: object, words: str, **options: object) -> InputError:
    with pytest.raises(InputError, match=words) as caught:
        read_rows(given, options=ReadOptions(**options))  # type: ignore[arg-type]
    return caught.value


@pytest.fixture
def write(tmp_path: Path):
    def write(content: object, name: str = "t.csv") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.mark.parametrize("name", READERS.own)
def test_the_example_of_a_reader_is_recognised_by_it_alone_and_read(name, write) -> None:
    example = READERS[name].example()
    path = write(example.data, example.name)
    given = Given(path)
    assert [one for one, why in asked(given) if why] == [name]
    found = recognise(given)
    assert found is not None and found.name == name and found.why
    assert read_rows(path, options=example.options)


@pytest.mark.parametrize("name", sorted(folder.name for folder in FIXTURES.iterdir()))
def test_every_file_of_the_fixtures_is_recognised_by_its_reader_alone(name) -> None:
    for path in (FIXTURES / name).rglob("*.*"):
        if path.is_file():
            assert [one for one, why in asked(Given(path)) if why] == [name], path


def test_a_chart_of_wandb() -> None:
    export = next((FIXTURES / "wandb").glob("wandb_export*"))
    assert scores(export) == {
        ("eval/accuracy", "alpha", 0, None): 0.41,
        ("eval/accuracy", "beta - lr 1e-5", 0, None): 0.44,
        ("eval/accuracy", "alpha", 250, None): 0.47,
        ("eval/accuracy", "alpha", 500, None): 0.52,
        ("eval/accuracy", "beta - lr 1e-5", 500, None): 0.47,
    }
    assert read_parsed(export).notes == ("1 cell is empty: its run logged nothing at that step.",)


def test_a_published_chart_of_wandb_and_one_over_another_axis(write) -> None:
    path = FIXTURES / "wandb" / "di-f-fu-sion.csv"
    refused(path, "got 'train/loss'")
    turned = scores(path, flip=True)
    assert turned["train/loss (inverted)", "oxford_flowers102-colu-conv2d", 11, None] == 1 - 0.052095141261816025
    epochs = write('"epoch","a - _step","a - acc","a - acc__MIN"\n"0","1","0.5","0.5"\n"10","12","0.6","0.6"\n')
    refused(epochs, "missing columns")
    assert scores(epochs, columns={"step": "epoch"}) == {("acc", "a", 0, None): 0.5, ("acc", "a", 10, None): 0.6}


def test_a_chart_with_two_metrics_needs_to_be_told_which() -> None:
    path = FIXTURES / "wandb" / "two_metrics.csv"
    refused(path, r"holds several metrics \(eval/accuracy; eval/loss\); metric=NAME must name one")
    refused(path, "metric must be one of eval/accuracy; eval/loss, got 'eval/acuracy'; did you", metric="eval/acuracy")
    assert scores(path, metric="eval/accuracy")["eval/accuracy", "beta", 500, None] == 0.47


def test_metrics_of_which_less_is_better_are_refused_or_turned_round_when_asked() -> None:
    path = FIXTURES / "wandb" / "two_metrics.csv"
    refused(path, "metric must be one of which more is better, got 'eval/loss'", metric="eval/loss")
    turned = scores(path, metric="eval/loss", flip=True, score_range=(0.0, 10.0))
    assert turned["eval/loss (inverted)", "alpha", 500, None] == pytest.approx(10 - 1.4)
    assert (
        read_trajectories(path, options=ReadOptions(metric="eval/loss", flip=True), score_range=(0, 10)).score.max() > 8
    )


@pytest.mark.parametrize(
    "text",
    [
        "model,step,wer\na,0,0.4\na,5,0.25\nb,0,0.5\n",
        "model,step,score,benchmark\na,0,0.4,wer\na,5,0.25,wer\nb,0,0.5,wer\n",
    ],
)
def test_a_long_table_is_turned_round_when_asked(write, text) -> None:
    columns = {"score": "wer"} if "wer\n" in text[:16] else {}
    with pytest.raises(InputError, match="more is better, got 'wer'"):
        read_trajectories(write(text), columns=columns)
    found = read_trajectories(write(text), columns=columns, options=ReadOptions(flip=True))
    assert found.score.tolist() == [0.6, 0.75, 0.5]
    assert found.notes[-1] == "Turned round, as 1 - score: wer."


def test_flip_is_refused_where_more_of_every_score_is_better(write) -> None:
    refused(write("model,step,score\na,0,0.4\na,5,0.5\n"), "flip must be asked for only where less", flip=True)


def test_a_table_of_runs() -> None:
    path = FIXTURES / "runs" / "runs.csv"
    refused(path, r"mmlu: holds several metrics \(acc; acc_norm\)")
    refused(path, "gsm8k: metric must be one of exact_match, got 'acc'", metric="acc")
    assert {task for task, *_ in scores(path, metric=("acc", "exact_match"))} == {"mmlu", "gsm8k"}
    found = scores(path, metric="acc", tasks=("mmlu",))
    assert found["mmlu", "alpha", 500, "2"] == 0.51 and len(found) == 6
    gsm8k = read_parsed(path, options=ReadOptions(tasks=("gsm8k",)))
    assert len(gsm8k.rows) == 5
    assert gsm8k.notes == ("1 score is missing and is no measurement: gsm8k, alpha at 500.",)


def test_a_published_table_of_runs() -> None:
    found = scores(FIXTURES / "runs" / "finephrase.csv")
    assert len(found) == 2 * 3 * 12  # the columns agg_score_... are no tasks
    assert found["lighteval|mmlu_redux_cf:_average|3", "article_1b_hq", 1500, "42"] == 0.06552205674855255


def test_a_table_of_primary_scores() -> None:
    found = scores(FIXTURES / "primary-score" / "scores.csv")
    assert found["mmlu", "alpha", 500, "14"] == 0.51 and len(found) == 6


def test_results_of_lm_eval_take_the_step_from_the_revision(write) -> None:
    folder = FIXTURES / "lm-eval"
    refused(folder, r"sums: holds several metrics \(acc,none; acc_norm,none\)")
    found = read_rows(folder, options=ReadOptions(metric="acc"))
    assert {(row.model, row.step) for row in found} == {(f"org/{m}", s) for m in ("alpha", "beta") for s in (0, 500)}
    assert {row.n_items for row in found} == {20}
    document = json.loads((folder / "alpha" / "results_step_500.json").read_text())
    document["config"] = {"model_args": {"pretrained": "runs/gamma/checkpoint-70"}, "model_revision": "main"}
    assert {(m, s) for _, m, s, _ in scores(write(document, "a.json"), metric="acc")} == {("runs/gamma", 70)}
    document["config"] = {"model_args": "pretrained=org/g", "model_revision": "stage1-step9000-tokens3B"}
    assert {(m, s) for _, m, s, _ in scores(write(document, "a.json"), metric="acc")} == {("org/g", 9000)}
    document["config"] = {"model_args": "pretrained=org/g"}
    assert {(m, s) for _, m, s, _ in scores(write(document, "a.json"), metric="acc", step=3.0)} == {("org/g", 3)}


def test_a_folder_in_which_some_files_say_their_step_and_others_do_not(write, tmp_path) -> None:
    document = json.loads((FIXTURES / "lm-eval" / "alpha" / "results_step_500.json").read_text())
    write(document, "runs/a.json")
    document["config"]["model_args"] = "pretrained=org/alpha,revision=main"
    write(document, "runs/b.json")
    error = refused(tmp_path / "runs", "every score must say its step, or none, got 1 without one", metric="acc")
    assert "b.json" in str(error)
    assert {s for _, _, s, _ in scores(tmp_path / "runs", metric="acc", step=1000.0)} == {500, 1000}


def test_the_layout_of_a_folder_goes_before_what_files_say(tmp_path, write) -> None:
    text = (FIXTURES / "lm-eval" / "alpha" / "results_step_500.json").read_text()
    write(text, "runs/gamma/3/7.json")
    found = scores(tmp_path / "runs", layout="{model}/{seed}/{step}.json", metric="acc")
    assert list(found) == [("sums", "gamma", 7, "3")]


def test_a_score_that_several_files_hold(tmp_path, write) -> None:
    document = json.loads((FIXTURES / "lm-eval" / "alpha" / "results_step_500.json").read_text())
    write(document, "runs/a.json")
    write({**document, "date": document["date"] + 9, "results": {"sums": {"acc,none": 0.9}}}, "runs/b.json")
    refused(tmp_path / "runs", "sums of org/alpha at step 500 is held 2 times .*newest=yes takes", metric="acc")
    assert list(scores(tmp_path / "runs", metric="acc", newest=True).values()) == [0.9]
    write(document, "runs/b.json")
    refused(tmp_path / "runs", "is not said", metric="acc", newest=True)


def test_results_of_the_open_llm_leaderboard() -> None:
    found = scores(FIXTURES / "leaderboard")
    assert len(found) == 16
    assert found["IFEval", "org/alpha", 0, None] == pytest.approx((0.16 + 0.28) / 2)
    assert found["MMLU-PRO", "org/beta", 0, None] == 0.13


def test_a_group_that_the_harness_gives_by_its_parts_is_the_mean_over_their_items(write) -> None:
    (path,) = (FIXTURES / "leaderboard" / "org" / "gamma").iterdir()
    document = json.loads(path.read_text())
    parts = [f"leaderboard_gpqa_{part}" for part in ("diamond", "extended", "main")]
    values = [document["results"][part]["acc_norm,none"] for part in parts]
    row = next(one for one in read_rows(path) if one.benchmark == "GPQA")
    assert row.score == pytest.approx((4 * values[0] + 10 * values[1] + 8 * values[2]) / 22) and row.n_items == 22
    # as published: parts and whole of EleutherAI/pythia-1b
    published = {
        "diamond": (198, 0.2727272727272727),
        "extended": (546, 0.2600732600732601),
        "main": (448, 0.2455357142857143),
    }
    for part, (n, score) in published.items():
        document["results"][f"leaderboard_gpqa_{part}"] |= {"acc_norm,none": score, "acc_norm_stderr,none": 0.02}
        document["n-samples"][f"leaderboard_gpqa_{part}"] = {"original": n, "effective": n}
    row = next(one for one in read_rows(write(document, "r.json")) if one.benchmark == "GPQA")
    assert row.score == pytest.approx(0.25671140939597314) and row.n_items == 1192
    assert row.stderr == pytest.approx(0.02 * np.sqrt(198**2 + 546**2 + 448**2) / 1192)
    del document["n-samples"]["leaderboard_gpqa_main"]
    lacking = read_parsed(write(document, "r.json"))
    assert "1 score is missing and is no measurement: GPQA, org/gamma at 0." in lacking.notes


def test_the_table_of_the_open_llm_leaderboard(write) -> None:
    path = FIXTURES / "leaderboard-table" / "contents.csv"
    found = read_parsed(path)
    assert {row.model for row in found.rows} == {
        "org/alpha (bfloat16, 1111)", "org/alpha (float16, 1111)", "org/beta"
    }  # fmt: skip
    assert scores(path)["IFEval", "org/beta", 0, None] == 0.24
    assert "1 score is missing and is no measurement: MMLU-PRO, org/beta at 0." in found.notes
    shown = "Model,Average ⬆️,IFEval,BBH\n<a href='x'>org/alpha</a>,20,22,14.5\n"
    assert scores(write(shown)) == {
        ("IFEval", "org/alpha", 0, None): 0.22,
        ("BBH", "org/alpha", 0, None): pytest.approx(0.145),
    }


def test_states_of_the_trainer() -> None:
    folder = FIXTURES / "trainer-state"
    assert scores(folder) == {
        ("eval", "alpha", 0, None): 0.41, ("eval", "alpha", 250, None): 0.47, ("eval", "alpha", 500, None): 0.52,
        ("eval", "beta", 0, None): 0.44, ("eval", "beta", 250, None): 0.46, ("eval", "beta", 500, None): 0.47,
    }  # fmt: skip
    assert read_parsed(folder).notes == ("Left out 2 earlier states of the same runs.",)
    single = folder / "alpha" / "checkpoint-250" / "trainer_state.json"
    assert {model for _, model, _, _ in scores(single)} == {"alpha"}
    assert {model for _, model, _, _ in scores(single, model="gamma")} == {"gamma"}
    refused(folder, "more is better, got 'loss'", metric="loss")


def test_a_step_that_was_evaluated_again_at_the_end_of_training_counts_once(write) -> None:
    history = [
        {"step": 5, "eval_accuracy": 0.5},
        {"step": 9, "eval_accuracy": 0.6},
        {"step": 9, "eval_accuracy": 0.625},
    ]
    path = write({"global_step": 9, "log_history": history}, "run/trainer_state.json")
    assert scores(path) == {("eval", "run", 5, None): 0.5, ("eval", "run", 9, None): 0.625}


def test_records_of_every_eval_ever(write) -> None:
    folder = FIXTURES / "every-eval-ever"
    found = read_rows(folder)
    assert len(found) == 8
    assert {(row.stderr, row.n_items) for row in found} == {(0.02, 500)}
    assert scores(folder)["words", "org/beta", 500, None] == 0.37
    document = json.loads(next(folder.rglob("00000004*.json")).read_text())
    document["evaluation_results"][0]["metric_config"]["lower_is_better"] = True
    error = refused(write(document, "r.json"), "of which the file says that less is", tasks=("sums",))
    assert error.field is not None and error.field.endswith("evaluation_results[0].score_details.score")
    assert scores(write(document, "r.json"), tasks=("sums",), flip=True) == {
        ("sums", "org/beta", 500, None): pytest.approx(0.53)
    }
    document["schema_version"] = "1.0.0"
    refused(write(document, "r.json"), "schema_version must be 0.2.x or 0.3.x, got '1.0.0'")


def test_results_in_repositories_of_models(tmp_path, write) -> None:
    assert scores(FIXTURES / "eval-results" / "org") == {
        ("cais/hle:hle", "alpha", 0, None): 0.209,
        ("cais/hle:hle", "beta", 0, None): 0.187,
        ("Idavidrein/gpqa:gpqa_diamond", "beta", 0, None): 0.412,
    }
    assert scores(FIXTURES / "eval-results" / "dual-loop-controller") == {
        ("ai2_arc:ARC-Easy", "dual-loop-controller", 0, None): 80.0,
        ("ai2_arc:ARC-Challenge", "dual-loop-controller", 0, None): 50.0,
        ("TIGER-Lab/MMLU-Pro:mmlu_pro", "dual-loop-controller", 0, None): 55.3,
        ("piqa", "dual-loop-controller", 0, None): 80.0,
    }
    alone = write("- dataset: {id: cais/hle}\n  value: 0.2\n", "hle.yaml")
    refused(alone, "says no model; model=NAME states it")
    assert scores(alone, model="m") == {("cais/hle", "m", 0, None): 0.2}
    refused(write("- dataset: {id: cais/hle}\n  value: high\n", "h.yaml"), "value must be a number", model="m")


def test_logs_of_inspect() -> None:
    found = read_rows(FIXTURES / "inspect")
    assert [(row.benchmark, row.model, row.score, row.n_items) for row in found] == [
        ("sums", "mockllm/alpha", 0.75, 8), ("sums", "mockllm/beta", 0.375, 8),
    ]  # fmt: skip
    assert found[0].stderr == pytest.approx(np.sqrt(0.75 * 0.25 / 7))


def test_items_of_inspect_are_paired() -> None:
    (items,) = read_items(FIXTURES / "inspect")
    assert (items.benchmark, items.models) == ("sums", ("mockllm/alpha", "mockllm/beta"))
    assert items.items == tuple("12345678") and items.missing == ()
    assert items.scores.tolist() == [[1, 1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0]]


def inspect_json(samples: list[dict[str, object]], **header: object) -> dict[str, object]:
    results = {"completed_samples": 2, "scores": [{"name": "match", "metrics": {"accuracy": {"value": 0.5}}}]}
    told = {"task": "sums", "model": "hf/alpha", "config": {"epochs": 1}}
    return {"status": "success", "eval": told, "results": results, "samples": samples, **header}


def test_items_that_a_model_has_no_score_on_are_named_and_left_out_only_when_asked(tmp_path, write) -> None:
    right, none = {"match": {"value": "C"}}, {}
    write(inspect_json([{"id": 1, "scores": right}, {"id": 2, "scores": none}]), "logs/a.json")
    beta = inspect_json([{"id": 1, "scores": {"match": {"value": 0.25}}}, {"id": 2, "scores": right}])
    beta["eval"] = {"task": "sums", "model": "hf/beta"}
    write(beta, "logs/b.json")
    (items,) = read_items(tmp_path / "logs")
    assert items.missing == (("hf/alpha", "2"),)
    assert items.complete().items == ("1",) and items.complete().scores.tolist() == [[1.0], [0.25]]


def test_an_evaluation_that_did_not_end_well_is_refused_alone_and_left_out_of_a_folder(tmp_path, write) -> None:
    failed = write(inspect_json([], status="error"), "logs/a.json")
    refused(failed, "status must be success, got 'error'")
    write(inspect_json([]), "logs/b.json")
    parsed = read_parsed(tmp_path / "logs")
    assert len(parsed.rows) == 1 and "Left out 1 evaluation that did not end well" in parsed.notes[0]


def test_a_file_of_no_kind_is_refused_with_what_was_looked_for(write, tmp_path) -> None:
    error = refused(write({"a": {"b": 1}}, "t.json"), "looked for inspect, every-eval-ever, .*, nested")
    assert "headstart import list" in str(error)
    refused(write("model,step,acc\na,0,0.5\n"), "missing column score; got model, step, acc; did you mean")
    refused(write("when,what\n0,0.5\n"), "missing columns model, step, score; got when, what; looked for inspect")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "holds no file of a kind that is read from folders")


def test_a_folder_of_several_kinds_is_refused(tmp_path, write) -> None:
    write((FIXTURES / "lm-eval" / "alpha" / "results_step_500.json").read_text(), "runs/a.json")
    write(READERS["every-eval-ever"].example().data, "runs/b.json")
    refused(tmp_path / "runs", "must hold files of one kind, got lm-eval .*, every-eval-ever ")


def test_a_reader_may_be_asked_for(tmp_path, write) -> None:
    write((FIXTURES / "lm-eval" / "alpha" / "results_step_500.json").read_text(), "runs/a.json")
    write(READERS["every-eval-ever"].example().data, "runs/b.json")
    assert [b for b, *_ in scores(tmp_path / "runs", reader="every-eval-ever")] == ["mmlu"]
    refused(
        tmp_path / "runs" / "a.json", "is not what the reader wandb reads, which looks for a column", reader="wandb"
    )
    refused(tmp_path / "runs" / "a.json", "reader must be one of inspect, .*, got 'wand'", reader="wand")
    refused(tmp_path / "runs", "must be a file for the reader wandb, which reads no folders", reader="wandb")


def test_several_sources_make_one_set_and_missing_pairs_are_named(write) -> None:
    one = write("model,step,score\na,0,0.4\nb,0,0.5\n", "x.csv")
    two = write("model,step,score\na,0,0.3\nc,0,0.2\n", "y.csv")
    found = collect_rows([one, two])
    assert [(row.benchmark, row.model) for row in found.rows] == [("x", "a"), ("x", "b"), ("y", "a"), ("y", "c")]
    assert found.notes == ("2 of 6 pairs of benchmark and model have no score: x, c; y, b.",)
    with pytest.raises(InputError, match="scores must be unique, got x of a at 0 twice"):
        collect_rows([one, one])


def test_a_reader_of_another_package_is_asked_after_those_of_headstart(monkeypatch, write) -> None:
    import headstart.data.readers as module

    own = {name: READERS[name] for name in READERS.own}
    registry = Registry("reader", group="headstart.readers", members=own, complaint=module._complaint)
    monkeypatch.setattr(module, "READERS", registry)
    example = READERS["long"]

    def read(givens, options):
        return read_measurements(write("model,step,score\nz,0,0.5\n", "inner.csv"), options)

    registry.register(
        "arrows",
        type(example)(
            title="arrows", looks_for="arrows", read=read, example=example.example,
            recognises=lambda given: "it has arrows" if b"->" in given.data else None,
        ),
    )  # fmt: skip
    assert [m for _, m, _, _ in scores(write("a -> b", "t.arrows"))] == ["z"]
    with pytest.raises(InputError, match="must be a Reader, got int"):
        registry.register("seven", 7)


def test_a_reader_of_another_package_that_does_not_load_harms_no_file(monkeypatch, write) -> None:
    point = EntryPoint(name="cubic", value="nowhere_at_all:READER", group="headstart.readers")
    monkeypatch.setattr("headstart.registry.entry_points", lambda group: [point] if group == point.group else [])
    assert list(scores(write("model,step,score\na,0,0.4\n"))) == [(None, "a", 0, None)]
    refused(
        write({"a": {"b": 1}}, "t.json"), "looked for .*cubic; not asked: the reader 'cubic' of .* cannot be loaded"
    )
