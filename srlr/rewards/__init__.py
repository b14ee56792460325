"""Pure functions: what an answer or a step is worth, and how worths are put on one scale."""
