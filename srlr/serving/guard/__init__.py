"""Guardrails in the path of every request: rules and a linear scorer, pure functions, no model.
docs/guard.md.
"""
