"""What places of a suite cost: score curves per task, one file per rule of aggregation, bounds with proofs."""
