"""A model as something you can call: cards and their ranking, loading, and the one generation
engine.
"""
