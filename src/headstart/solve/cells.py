"""Whether nobody tuning is an equilibrium all over a range of levels, at none of its levels, or neither is proved.

A *cell* is a range of levels. Scores never fall, so where a model stands at the two ends of a cell encloses where it
stands all over it. Where the ends are too far apart, bounds on how fast the two curves rise enclose the lead of one
over the other more closely (docs/theory, "Searching the levels").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.contest.compare import ROUNDING, UNDERFLOW, Standing, lead_of
from headstart.contest.contest import Contest
from headstart.contest.curves.logit_power import LARGEST_LOG_LEVEL
from headstart.contest.tables import CurveTable
from headstart.solve.candidates import Listed, all_pairs, pairs_that_matter

SMALL_FIELD = 12
"""Up to so many models all pairs are looked at in every cell: changes no answer that is given."""

PAIRS_AT_ONCE = 200_000
"""Pairs per batch, few enough to stay in the processor's cache: changes no answer."""

SHORT_OF = 1 - 1e-9
"""Share of an effort that costs strictly less than what it is worth."""


class Pairs(NamedTuple):
    """Model i against model k in a cell, one entry each."""

    cell: IntArray
    i: IntArray
    k: IntArray

    def only(self, index: BoolArray) -> Pairs:
        return Pairs(*(column[index] for column in self))

    def exchanged(self) -> Pairs:
        return Pairs(self.cell, self.k, self.i)


@dataclass(frozen=True, kw_only=True, eq=False)
class Game:
    """The parts of a contest that the search needs; efforts in steps.

    Args:
        contest: The contest; its own level is not used.
        free: Effort that is free and allowed, shape (models,).
        curve: Equal numbers for one and the same curve, shape (models,).
        smooth: Models whose curve bounds its steepness, shape (models,).
        steps: ``steps[j][r]``: least difference of two neighbouring rewards from rank r on, over 2^j of them.
    """

    contest: Contest
    free: FloatArray
    curve: IntArray
    smooth: BoolArray
    steps: tuple[FloatArray, ...]

    @classmethod
    def of(cls, contest: Contest) -> Game:
        free = np.minimum(contest.costs.free, contest.max_effort)
        steps = [contest.rewards[:-1] - contest.rewards[1:]]
        while steps[-1].size > 1 << (len(steps) - 1):
            half = 1 << (len(steps) - 1)
            steps.append(np.minimum(steps[-1][:-half], steps[-1][half:]))
        smooth = np.isfinite(contest.curves.steepness(np.zeros(contest.n), np.zeros(contest.n))[1])
        curve = _same_curves(contest.curves)
        return cls(contest=contest, free=free, curve=curve, smooth=smooth, steps=tuple(steps))

    def classify(self, low: FloatArray, high: FloatArray, *, every_pair: bool = False) -> tuple[IntArray, int]:
        """+1 where every level in [low, high] is stable, -1 where every one is unstable, 0 where that is not proved.

        Args:
            low: Lowest level of each cell, shape (cells,).
            high: Highest level.
            every_pair: Look at all pairs in a large field too: where many models tie on plateaus.

        Returns:
            The kinds, shape (cells,), and the number of models and pairs evaluated.
        """
        cells = _Cells.of(self, low, high)
        n = self.contest.n
        if n <= SMALL_FIELD or every_pair:
            listed = all_pairs(low.size, n)
        else:
            listed = pairs_that_matter(self.contest, self.free, high, cells.low_end.of_models, cells.high_end.of_models)
        kind = cells.judge(listed)
        return kind, low.size * n + 2 * listed.cell.size

    def step(self, first: IntArray, last: IntArray) -> FloatArray:
        """Least reward difference between two neighbouring ranks from ``first`` to ``last``, counted from 1."""
        size = last - first
        block = np.frexp(size)[1] - 1  # largest power of two that fits
        result = np.empty(size.size)
        for j in np.unique(block):
            own = np.flatnonzero(block == j)
            row = self.steps[int(j)]
            result[own] = np.minimum(row[first[own] - 1], row[last[own] - 1 - (1 << int(j))])
        return result


def _same_curves(curves: CurveTable) -> IntArray:
    """Equal numbers for models with one and the same curve."""
    seen: dict[tuple[object, ...], int] = {}
    result = np.empty(len(curves), dtype=np.int64)
    for index, family in enumerate(curves.families):
        own = np.flatnonzero(curves.family == index)
        # what is shared by all rows, and a family that does not stack, is one curve
        columns = [values for values in family.parameters().values() if values.ndim] if family.stacks else []
        keys = (
            zip(*(column[curves.row[own]].tolist() for column in columns), strict=True) if columns else [()] * own.size
        )
        result[own] = [seen.setdefault((index, *key), len(seen)) for key in keys]
    return result


class _End(NamedTuple):
    """Where everybody stands at one end of each cell; flat, shape (cells * models,)."""

    level: FloatArray
    models: int
    standing: Standing

    def of(self, pairs: Pairs, model: IntArray) -> Standing:
        return self.standing.take(pairs.cell * self.models + model)

    @property
    def of_models(self) -> Standing:
        """The same, shape (cells, models)."""
        shape = (-1, self.models)
        s = self.standing
        return Standing(
            score=s.score.reshape(shape), ceiling=s.ceiling.reshape(shape), shortfall=s.shortfall.reshape(shape)
        )


class _Plateaus(NamedTuple):
    """Models that stand on a plateau all over the cell, and its height; shape (cells, models)."""

    flat: BoolArray
    height: FloatArray

    def tied(self, pairs: Pairs) -> BoolArray:
        c, i, k = pairs
        return self.flat[c, i] & self.flat[c, k] & (self.height[c, i] == self.height[c, k])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cells:
    """Cells, and where everybody stands at their ends with its free effort spent, and untuned."""

    game: Game
    width: FloatArray  # in log(1 + level)
    low_end: _End
    high_end: _End
    plateaus: _Plateaus
    untuned: tuple[_End, _End, _Plateaus]

    @classmethod
    def of(cls, game: Game, low: FloatArray, high: FloatArray) -> _Cells:
        n = game.contest.n
        everyone = game.contest.curves.take(np.tile(np.arange(n), low.size))

        def ends(spent: FloatArray) -> tuple[_End, _End, _Plateaus]:
            start, end = (low[:, None] + spent).ravel(), (high[:, None] + spent).ravel()
            at_start, at_end = Standing.of(everyone, start), Standing.of(everyone, end)
            flat = ~everyone.rises_at(start) & (at_start.score == at_end.score)
            plateaus = _Plateaus(flat.reshape(-1, n), np.asarray(at_start.score).reshape(-1, n))
            return _End(low, n, at_start), _End(high, n, at_end), plateaus

        low_end, high_end, plateaus = with_free = ends(game.free)
        untuned = ends(np.zeros(n)) if game.free.any() else with_free
        width = (np.log1p(high) - np.log1p(low)) * (1 + 1e-9) + 1e-15 * np.log1p(high)
        return cls(game=game, width=width, low_end=low_end, high_end=high_end, plateaus=plateaus, untuned=untuned)

    # --- what holds all over a cell -------------------------------------------------------------------------------

    def judge(self, listed: Listed) -> IntArray:
        """The kind of each cell, from the pairs that matter in it."""
        stable, unstable = listed.complete.copy(), np.zeros(listed.complete.size, dtype=bool)
        best, worst = 1 + listed.above, self.game.contest.n - listed.below
        starts = np.flatnonzero(np.diff(listed.cell, prepend=-1))
        blocks = np.unique(starts // PAIRS_AT_ONCE, return_index=True)[1]  # pairs of a cell stay together
        ends = np.append(starts[blocks], listed.cell.size)[1:]
        for start, end in zip(starts[blocks].tolist(), ends.tolist(), strict=True):
            part = slice(start, end)
            pairs = Pairs(listed.cell[part], listed.x[part], listed.y[part])
            self._judge(pairs, listed.known[part], best, worst, stable, unstable)
        return stable.astype(np.int64) - (unstable & ~stable)

    def _judge(
        self, pairs: Pairs, known: BoolArray, best: IntArray, worst: IntArray, stable: BoolArray, unstable: BoolArray
    ) -> None:
        """Narrow the ranks by these pairs, then strike cells from ``stable`` and add cells to ``unstable``."""
        rewards = self.game.contest.rewards
        above, first_i, first_k = self._order(pairs)
        for higher, lower, own in ((pairs.i, pairs.k, above > 0), (pairs.k, pairs.i, above < 0)):
            new = own & ~known
            np.add.at(best, (pairs.cell[new], lower[new]), 1)
            np.add.at(worst, (pairs.cell[new], higher[new]), -1)
        for one, below, i_wins, k_wins in (
            (pairs, -above, first_i, first_k),
            (pairs.exchanged(), above, first_k, first_i),
        ):
            c, i, k = one
            gap = rewards[best[c, k] - 1] - rewards[worst[c, i] - 1]  # the most i could gain by passing k
            own = (below >= 0) & (gap > 0) & stable[c]
            stable[c[own][~self._excluded(one.only(own), gap[own], k_wins[own])]] = False
            gap = rewards[worst[c, k] - 1] - rewards[best[c, i] - 1]  # the least
            own = (below > 0) & (gap > 0)
            unstable[c[own][self._certain(one.only(own), gap[own], i_wins[own])]] = True
        unstable[self._tie_breaks(pairs.only(above == 0), best, worst)] = True

    def _order(self, pairs: Pairs) -> tuple[IntArray, BoolArray, BoolArray]:
        """+1 where i ranks above k all over the cell, -1 where below, else 0; and who is known to win ties all over it.

        The rule looks at the scores at the level, before any free effort: with free effort the model that is below may
        be the one that wins ties.
        """
        low, high = self.low_end, self.high_end
        above = lead_of(low.of(pairs, pairs.i), high.of(pairs, pairs.k)) > 0
        below = lead_of(high.of(pairs, pairs.i), low.of(pairs, pairs.k)) < 0
        same_curve = self.game.curve[pairs.i] == self.game.curve[pairs.k]
        twin = same_curve & (self.game.free[pairs.i] == self.game.free[pairs.k])
        tied = twin | self.plateaus.tied(pairs)
        some, which = self._smooth(pairs, ~(above | below | tied))
        if which.size:
            least, most = self._lead_over_cell(some, self.game.free[some.i])
            above[which], below[which] = least > 0, most < 0
        first_i, first_k = self._first(pairs, same_curve, above, below)
        above, below = np.where(tied, first_i, above), np.where(tied, first_k, below)
        return above.astype(np.int64) - below, first_i, first_k

    def _first(
        self, pairs: Pairs, same_curve: BoolArray, above: BoolArray, below: BoolArray
    ) -> tuple[BoolArray, BoolArray]:
        """Pairs in which i, and in which k, ranks first at equal scores, all over the cell."""
        listed = pairs.i < pairs.k
        if self.game.contest.tie_break == "listed":
            return listed, ~listed
        if self.game.free.any():
            low, high, plateaus = self.untuned
            above = lead_of(low.of(pairs, pairs.i), high.of(pairs, pairs.k)) > 0
            below = lead_of(high.of(pairs, pairs.i), low.of(pairs, pairs.k)) < 0
        else:
            plateaus = self.plateaus
        tied = same_curve | plateaus.tied(pairs)
        return np.where(tied, listed, above), np.where(tied, ~listed, below)

    def _smooth(self, pairs: Pairs, which: BoolArray) -> tuple[Pairs, IntArray]:
        """Those of the pairs ``which`` whose curves bound their steepness, and their places."""
        index = np.flatnonzero(which & self.game.smooth[pairs.i] & self.game.smooth[pairs.k])
        return Pairs(*(column[index] for column in pairs)), index

    def _lead_over_cell(self, pairs: Pairs, spent: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Bounds, all over the cell, on the lead of i after ``spent`` over k after its free effort.

        From the leads at the two ends and bounds on the slope of the lead in log(1 + level). Rounding is in the bounds:
        they count only where they are not 0.
        """
        own, rival = self.game.contest.curves.take(pairs.i), self.game.contest.curves.take(pairs.k)
        free, width = self.game.free[pairs.k], self.width[pairs.cell]
        low, high = self.low_end.level[pairs.cell], self.high_end.level[pairs.cell]
        own_least, own_most = own.steepness(low + spent, high + spent)
        rival_least, rival_most = rival.steepness(low + free, high + free)
        with np.errstate(invalid="ignore", over="ignore"):
            # d log(1 + D + spent) / d log(1 + D) rises with D
            own_least, own_most = own_least * _share(low, spent), own_most * _share(high, spent)
            rival_least, rival_most = rival_least * _share(low, free), rival_most * _share(high, free)
            slope_least = own_least - rival_most
            slope_most = own_most - rival_least
            room = 1e-11 * (own_most + rival_most)  # rounding of the four
            slope_least, slope_most = slope_least - room, slope_most + room
        at_low, error_low = _lead(Standing.of(own, low + spent), self.low_end.of(pairs, pairs.k))
        at_high, error_high = _lead(Standing.of(own, high + spent), self.high_end.of(pairs, pairs.k))
        with np.errstate(invalid="ignore", over="ignore"):
            steepest = np.maximum(np.abs(slope_least), np.abs(slope_most)) * width
            error = np.maximum(error_low, error_high) + 1e-14 * (np.abs(at_low) + np.abs(at_high) + steepest)
        least, most = _range(at_low, at_high, slope_least, slope_most, width)
        return np.where(least > error, least, 0.0), np.where(most < -error, most, 0.0)

    # --- deviations -----------------------------------------------------------------------------------------------

    def _worth(self, model: IntArray, gap: FloatArray) -> FloatArray:
        """All the effort that a reward gap is worth, the cap allowing."""
        return np.minimum(self.game.contest.costs.take(model).effort_at(gap), self.game.contest.max_effort[model])

    def _excluded(self, pairs: Pairs, gap: FloatArray, k_first: BoolArray) -> BoolArray:
        """Pairs in which i cannot profitably pass k at any level of the cell, for a gain of at most ``gap``."""
        if not gap.size:
            return np.zeros(0, dtype=bool)
        curves, free = self.game.contest.curves, self.game.free
        spent = self._worth(pairs.i, gap)
        reach = self.high_end.level[pairs.cell] + spent
        ahead = lead_of(Standing.of(curves.take(pairs.i), reach), self.low_end.of(pairs, pairs.k))
        excluded = ahead < 0
        drawn = np.flatnonzero(ahead == 0)
        if drawn.size:
            i, k, cell = pairs.i[drawn], pairs.k[drawn], pairs.cell[drawn]
            loses = k_first[drawn]
            if self.game.contest.tie_break == "capability":
                # without free effort the lower model has the lower score at the level, or is listed later
                loses = loses | ((free[i] == 0) & (free[k] == 0))
            # a lead of 0 is a draw of two plateaus, not a rounding error
            draws = ~curves.take(i).rises_at(reach[drawn])
            draws &= ~curves.take(k).rises_at(self.low_end.level[cell] + free[k])
            excluded[drawn] = loses & draws
        some, rest = self._smooth(pairs, ~excluded)
        if rest.size:
            _, most = self._lead_over_cell(some, spent[rest])
            excluded[rest] = most < 0
        return excluded

    def _certain(self, pairs: Pairs, gap: FloatArray, i_first: BoolArray) -> BoolArray:
        """Pairs in which i, who is below k all over the cell, profitably passes k at every level, gaining ``gap``."""
        if not gap.size:
            return np.zeros(0, dtype=bool)
        game = self.game
        passes = self._passes(pairs, gap)
        # a twin needs only any effort at all
        twin = (game.curve[pairs.i] == game.curve[pairs.k]) & (game.free[pairs.i] == game.free[pairs.k])
        rises = game.contest.curves.rises_at(np.expm1(LARGEST_LOG_LEVEL))
        passes |= twin & rises[pairs.i] & (game.contest.max_effort[pairs.i] > game.free[pairs.i])
        draws = np.flatnonzero(~passes & i_first)
        if draws.size:
            some = Pairs(*(column[draws] for column in pairs))
            passes[draws] = self._draws_level(some, gap[draws])
        return passes

    def _passes(self, pairs: Pairs, gap: FloatArray) -> BoolArray:
        """Whether i, spending what ``gap`` is worth, scores more than k at every level of the cell."""
        spent = self._worth(pairs.i, gap)
        own = Standing.of(self.game.contest.curves.take(pairs.i), self.low_end.level[pairs.cell] + spent)
        passes = lead_of(own, self.high_end.of(pairs, pairs.k)) > 0
        some, rest = self._smooth(pairs, ~passes)
        if rest.size:
            least, _ = self._lead_over_cell(some, spent[rest])
            passes[rest] = least > 0
        return passes

    def _draws_level(self, pairs: Pairs, gap: FloatArray) -> BoolArray:
        """Whether i, who wins ties, reaches a plateau exactly as high as the one that k ends the cell on.

        An effort strictly below what the gap is worth costs strictly less (docs/theory, Lemma 4).
        """
        contest, free = self.game.contest, self.game.free
        own, rival = contest.curves.take(pairs.i), contest.curves.take(pairs.k)
        reach = self.low_end.level[pairs.cell] + self._worth(pairs.i, gap) * SHORT_OF
        top = self.high_end.level[pairs.cell] + free[pairs.k]
        draws = ~own.rises_at(reach) & ~rival.rises_at(top)
        return draws & (own.score(reach) == rival.score(top))

    def _tie_breaks(self, pairs: Pairs, best: IntArray, worst: IntArray) -> IntArray:
        """Cells in which two models cross, and whichever is behind can profitably pass the other, at every level."""
        c, i, k = pairs
        if not c.size:
            return c
        gap = self.game.step(np.minimum(best[c, i], best[c, k]), np.maximum(worst[c, i], worst[c, k]))
        for _ in range(2):  # i passes k, and k passes i
            pairs, gap = pairs.only(gap > 0), gap[gap > 0]
            passes = self._passes(pairs, gap)
            pairs, gap = pairs.only(passes).exchanged(), gap[passes]
        return pairs.cell


def _share(level: FloatArray, spent: FloatArray) -> FloatArray:
    return (1.0 + level) / (1.0 + level + spent)


def _lead(a: Standing, b: Standing) -> tuple[FloatArray, FloatArray]:
    """Lead of a over b, and how far rounding may have moved it."""
    lead = lead_of(a, b)
    with np.errstate(invalid="ignore"):
        ceilings = np.abs(a.ceiling - b.ceiling)
        size = np.where(np.isfinite(ceilings), ceilings + a.shortfall + b.shortfall, np.abs(a.score) + np.abs(b.score))
    size = np.where(np.isfinite(size), size, np.abs(a.score) + np.abs(b.score))
    return lead, ROUNDING * size + UNDERFLOW


def _range(
    at_low: FloatArray, at_high: FloatArray, least: FloatArray, most: FloatArray, width: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Least and most value on an interval of a function with known ends and a slope in [least, most]."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        span = most - least
        inside_most = (most * at_high - least * at_low - most * least * width) / span
        inside_least = (most * at_low - least * at_high + most * least * width) / span
    rising, falling = least >= 0, most <= 0
    upper = np.where(rising, at_high, np.where(falling, at_low, inside_most))
    lower = np.where(rising, at_low, np.where(falling, at_high, inside_least))
    known = np.isfinite(span)
    return np.where(known & np.isfinite(lower), lower, -np.inf), np.where(known & np.isfinite(upper), upper, np.inf)
