"""Learning: shared mathematics in small modules, and one loop per file (imitate, grpo)."""
