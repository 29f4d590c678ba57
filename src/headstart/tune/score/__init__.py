"""Scoring a model on a task's items inside the process that tunes it."""

from headstart.tune.metrics import ItemResult
from headstart.tune.score.scorer import Scorer, score_items

__all__ = ["ItemResult", "Scorer", "score_items"]
