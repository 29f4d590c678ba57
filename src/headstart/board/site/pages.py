"""The pages of a site, as HTML: a path and a text each."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from headstart import __version__
from headstart.board.site import pictures, wording
from headstart.board.site.names import slugs
from headstart.board.site.values import Benchmark, Download, Entry, LevelRow, Model, Release, Seal, Untuned
from headstart.report import wording as words
from headstart.report.templating import html_templates

POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
"""Content security policy: the site's own script and style, no inline script, no connection. A page opened from a file
has no origin of its own, so files are named beside it; a page from a server cannot load them."""

Page = tuple[str, str]
"""Path within the site, and content."""


@dataclass(frozen=True, kw_only=True)
class _View:
    """One model on one benchmark, as its page shows it."""

    benchmark: Benchmark
    entry: Entry | None
    untuned: Untuned | None
    sentence: str
    facts: tuple[tuple[str, str], ...]
    picture: pictures.Picture | None = None


@dataclass(frozen=True, kw_only=True)
class Site:
    """A release with what its pages look up again and again.

    Args:
        release: What is shown.
        offered: The files to download.
    """

    release: Release
    offered: tuple[Download, ...]

    @cached_property
    def models(self) -> Mapping[str, list[tuple[Benchmark, Entry | Untuned]]]:
        """Every model with its entries, in the order of the benchmarks."""
        found: dict[str, list[tuple[Benchmark, Entry | Untuned]]] = {}
        for benchmark in self.release.benchmarks:
            for entry in (*benchmark.entries, *benchmark.untuned):
                found.setdefault(entry.model, []).append((benchmark, entry))
        return found

    @cached_property
    def addresses(self) -> Mapping[str, str]:
        """File name of each model's page, without its ending."""
        return slugs(self.models)

    @cached_property
    def benchmark_addresses(self) -> Mapping[str, str]:
        """File name of each benchmark's page, without its ending."""
        return slugs(one.name for one in self.release.benchmarks)

    @cached_property
    def sharing(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Who shares a published rank, by benchmark and model."""
        return {one.name: wording.sharing(one) for one in self.release.benchmarks}

    @cached_property
    def fields(self) -> Mapping[str, pictures.Field | None]:
        """Where the models of each benchmark stand together."""
        return pictures.fields_of(self.release.benchmarks)

    @property
    def single(self) -> bool:
        """Whether there is one benchmark, whose ranking is then the first page."""
        return len(self.release.benchmarks) == 1

    def pages(self) -> Iterator[Page]:
        """Every page."""
        yield self._index()
        for benchmark in self.release.benchmarks:
            yield self._benchmark(benchmark)
        about = {one.name: one for one in self.release.models}
        for name, entries in self.models.items():
            yield self._model(name, entries, about.get(name) or Model(name=name))
        yield self._page("method.html", "Method and seal", "How the ranking is made.", seals=self._seals())
        yield self._page("ledger.html", "Ledger", "What happened to every submission.")
        yield self._page("downloads.html", "Downloads", "The ranking and its scores as files.", downloads=self.offered)

    def _index(self) -> Page:
        first = self.release.benchmarks[0]
        shown = wording.can_tell(first) if self.single else self._several()
        return self._page(
            "index.html",
            "Ranking",
            shown,
            single=self.single,
            first=first,
            several=self._several(),
            kicker=self._kicker(first if self.single else None),
            gaming=gaming(first),
            headings=[(one.name, "number") for one in self.release.benchmarks],
            rows=[] if self.single else self._matrix(),
        )

    def _several(self) -> str:
        tasks = words.count(len(self.release.benchmarks), "benchmark")
        return (
            f"This table can tell how {words.count(len(self.models), 'model')} rank on each of {tasks} after the same "
            "tuning, up to the ranks in brackets; it cannot say which model is best over all of them."
        )

    def _kicker(self, benchmark: Benchmark | None) -> str:
        models = self.models if benchmark is None else [one.model for one in benchmark.entries]
        parts = [words.count(len(models), "model")]
        if benchmark is not None:
            parts += [benchmark.name] if benchmark.name != self.release.title else []
            parts += [f"sealed {seal.hash[:12]}" for seal in benchmark.seals[:1]]
        return " · ".join([*parts, f"results as of {self.release.created_at[:10]}"])

    def _matrix(self) -> list[dict[str, Any]]:
        """One row per tuned model, in the order of the first benchmark that has it."""
        by_benchmark = [{one.model: one for one in benchmark.entries} for benchmark in self.release.benchmarks]
        names = dict.fromkeys(name for entries in by_benchmark for name in entries)
        return [{"model": name, "entries": [entries.get(name) for entries in by_benchmark]} for name in names]

    def _benchmark(self, benchmark: Benchmark) -> Page:
        field = self.fields[benchmark.name]
        fallers = [entry for entry in benchmark.entries if entry.fall]
        return self._page(
            f"benchmarks/{self.benchmark_addresses[benchmark.name]}.html",
            benchmark.name,
            wording.can_tell(benchmark),
            single=self.single,
            benchmark=benchmark,
            kicker=self._kicker(benchmark),
            gain=pictures.gain_picture(benchmark),
            field=None if field is None else pictures.field_picture(benchmark, field),
            fallers=sorted(fallers, key=lambda one: one.fall.last_score - one.fall.peak_score if one.fall else 0.0),
            template="benchmark.html",
        )

    def _model(self, name: str, entries: Sequence[tuple[Benchmark, Entry | Untuned]], model: Model) -> Page:
        views = [self._view(benchmark, entry) for benchmark, entry in entries]
        return self._page(
            f"models/{self.addresses[name]}.html",
            name,
            views[0].sentence,
            name=name,
            views=views,
            model=model,
            attempts=attempts_words(model),
            template="model.html",
        )

    def _view(self, benchmark: Benchmark, entry: Entry | Untuned) -> _View:
        if isinstance(entry, Untuned):
            return _View(
                benchmark=benchmark,
                entry=None,
                untuned=entry,
                sentence=f"{benchmark.name}: cannot be tuned, so it has bounds and no rank.",
                facts=tuple(_untuned_facts(benchmark, entry)),
            )
        field = self.fields[benchmark.name]
        return _View(
            benchmark=benchmark,
            entry=entry,
            untuned=None,
            sentence=standing_sentence(benchmark, entry),
            facts=tuple(_facts(benchmark, entry, self.sharing[benchmark.name].get(entry.model, ()))),
            picture=None if field is None else pictures.trajectory_picture(entry, benchmark, field),
        )

    def _seals(self) -> list[Seal]:
        return list({seal.hash: seal for one in self.release.benchmarks for seal in one.seals}.values())

    def _page(self, path: str, title: str, description: str, *, template: str = "", **context: Any) -> Page:
        root = "../" * path.count("/")
        shared = {
            "release": self.release,
            "root": root,
            "addresses": self.addresses,
            "benchmark_addresses": self.benchmark_addresses,
        }
        body = Markup(_environment().get_template(template or path).render(shared | context))
        first = f"benchmarks/{self.benchmark_addresses[self.release.benchmarks[0].name]}.html"
        pages = [
            ("Ranking", "index.html"),
            ("Benchmark", first) if self.single else ("Benchmarks", "index.html#benchmarks"),
            ("Method and seal", "method.html"),
            ("Ledger", "ledger.html"),
            ("Downloads", "downloads.html"),
        ]
        framed = shared | {
            "page_title": f"{title} - {self.release.title}",
            "description": description,
            "body": body,
            "pages": pages,
            "here": path,
            "policy": POLICY,
            "version": __version__,
        }
        return path, _environment().get_template("frame.html").render(framed)


def gaming(benchmark: Benchmark) -> str:
    """What gaming gains at the published level, beside what it gains under direct evaluation; empty where unknown."""
    rows = {row.level: row for row in benchmark.levels}
    now, then = rows.get(benchmark.level if benchmark.level is not None else -1.0), rows.get(benchmark.direct_level)
    if now is None:
        return ""
    was = "" if then is None or then is now else f" ({wording.gain_words(then.gain)} {wording.before(benchmark)})"
    gain = wording.gain_words(now.gain)
    return f"By tuning further on the benchmark no developer can expect to gain more than {gain} of first prize{was}."


def standing_sentence(benchmark: Benchmark, entry: Entry) -> str:
    """Where one model stands on one benchmark."""
    tuned = entry.tuned
    if tuned is None:
        return f"{benchmark.name}: not ranked {wording.when(benchmark)} ({entry.missing or 'no score there'})."
    models = sum(one.tuned is not None for one in benchmark.entries)
    shared = "shares rank" if tuned.tied else "rank"
    bounds = wording.set_words(tuned)
    noise = "" if bounds in ("", str(tuned.rank)) else f"; noise leaves ranks {bounds} possible"
    direct = "" if entry.direct is None else f" {wording.before(benchmark).capitalize()} it ranks {entry.direct.rank}."
    return f"{benchmark.name}: {shared} {tuned.shared_rank} of {models} {wording.when(benchmark)}{noise}.{direct}"


def attempts_words(model: Model) -> str:
    """How many submissions stand behind a model."""
    if model.attempts is None:
        return "not counted: nobody keeps a record of how many variants were tried"
    if model.attempts == 1:
        return "1: the only submission of its team"
    return f"{model.attempts} submissions by its team; the best of several looks better than it is"


def _facts(benchmark: Benchmark, entry: Entry, shares_with: Sequence[str]) -> Iterator[tuple[str, str]]:
    if entry.tuned is not None:
        error = wording.error_words(entry.tuned.stderr)
        yield "Score", f"{wording.score_words(entry.tuned)} {error} {wording.when(benchmark)}"
    if entry.direct is not None:
        ranks = wording.other_ranks(entry.direct)
        noise = f", noise leaves {ranks}" if ranks else ""
        yield (
            "Direct score",
            f"{wording.score_words(entry.direct)} {wording.error_words(entry.direct.stderr)} "
            f"{wording.before(benchmark)} (rank {entry.direct.rank}{noise})",
        )
    if shares_with:
        yield "Shares its rank with", wording.listed(shares_with)
    if benchmark.levels:
        yield "Price of the next rank", wording.price_sentence(entry.next_rank, benchmark)
    if entry.gain is not None:
        steps = "" if entry.gain_effort is None or entry.gain.value == 0 else f", by {_further(entry.gain_effort)}"
        yield "Gain from gaming", f"{wording.gain_words(entry.gain)} of first prize{steps}"
    odd = wording.flags_in_words(entry)
    if odd or entry.remarks:
        yield "Remarks", " ".join((*odd, *entry.remarks))


def _further(steps: float) -> str:
    return "1 further step" if steps == 1 else f"{words.number(steps)} further steps"


def _untuned_facts(benchmark: Benchmark, one: Untuned) -> Iterator[tuple[str, str]]:
    yield "Direct score", f"{one.score:.3f} {wording.error_words(one.stderr)}"
    yield "Direct rank", f"{one.direct_rank} [{words.ranks((one.direct_low, one.direct_high))}] among the tuned models"
    bound = wording.bound_at(one, benchmark.level)
    if bound is not None:
        yield "Bounds", f"ranks {words.ranks((bound.best_rank, bound.worst_rank))} {wording.when(benchmark)}"


def asset(name: str) -> str:
    """A file of the templates' folder."""
    return files("headstart.board.site").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    filters: dict[str, Callable[..., object]] = {
        "when": wording.when,
        "before": wording.before,
        "can_tell": wording.can_tell,
        "rank": wording.rank_words,
        "rank_set": wording.set_words,
        "other_ranks": wording.other_ranks,
        "score": wording.score_words,
        "error": wording.error_words,
        "change": wording.change,
        "change_words": wording.change_words,
        "price": wording.price_words,
        "price_range": wording.price_range,
        "bracketed": _bracketed,
        "tight": _tight,
        "gain": wording.gain_words,
        "fall": wording.fall_words,
        "marks": wording.marks,
        "used_marks": wording.used_marks,
        "bound": wording.bound_at,
        "ranks": words.ranks,
        "number": words.number,
        "amount": words.amount,
        "certainty": words.certainty,
        "tau": _tau,
        "step": _step,
        "sortable": "{:.6g}".format,
        "capitalise": _capitalise,
        "anchor": _anchor,
        "quoted": shlex.quote,
        "digest": _digest,
    }
    return html_templates("headstart.board.site", filters)


def _tau(row: LevelRow) -> str:
    if row.kendall_tau is None:
        return "–"
    if row.tau_low is None or row.tau_high is None:
        return f"{row.kendall_tau:.2f}"
    return f"{row.kendall_tau:.2f} [{row.tau_low:.2f}–{row.tau_high:.2f}]"


def _step(step: float, benchmark: Benchmark) -> str:
    if benchmark.level is None:
        return "before tuning" if step == 0 else "after tuning"
    return words.number(step)


def _anchor(seal_hash: str) -> str:
    """What a link names a seal by: its digits, whatever else a table wrote there."""
    return re.sub(r"[^0-9a-z]", "", seal_hash.lower())[:64]


def _bracketed(text: str) -> str:
    return f"[{text}]" if text else ""


def _capitalise(text: str) -> str:
    """A capital first letter, the rest as it is (``str.capitalize`` would lower names)."""
    return text[:1].upper() + text[1:]


def _digest(file: Download) -> str:
    return hashlib.sha256(file.data).hexdigest()


def _tight(text: str) -> str:
    """A sentence whose per cent signs stay with their numbers."""
    return re.sub(r"(?<=\d) %", "\u00a0%", text)
