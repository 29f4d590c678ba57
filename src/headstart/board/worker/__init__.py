"""Workers of a board: they ask for jobs, measure models in a closed box, and hand in what came of it."""
