"""Many benchmarks in one ranking: how they are aggregated, and what it costs to game that."""
