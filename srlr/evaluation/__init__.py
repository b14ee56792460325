"""How good a model is, how sure we may be of it, where it is weak: attempts in, a report out."""
