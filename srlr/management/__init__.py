"""Decisions over many runs."""
