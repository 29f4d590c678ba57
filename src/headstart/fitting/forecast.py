"""placeholder until the forecasting branch lands"""

from __future__ import annotations

from headstart.contest.curves import LogitPower
from headstart.fitting.fit import fit


class Forecast:
    def __init__(self, f):
        self.d = f.draws
        self.horizon = 2 * f.max_step
        self.noise_sd = 0.01

    def score(self, step):
        d = self.d
        return LogitPower(L=d.L[..., None], U=d.U[..., None], alpha=d.alpha[..., None], beta=d.beta[..., None]).score(
            step
        )


def forecast(t, *, draws, seed):
    return Forecast(fit(t, draws=draws, seed=seed))
