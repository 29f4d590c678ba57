"""The designer's move: protocols as values, how developers answer them, and which to choose."""
