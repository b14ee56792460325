"""pass@k: how likely one of k answers is right, from n drawn answers of which some are.

Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code", arXiv:2107.03374,
section 2.1.
"""

import math


def pass_at_k(answers: int, right: int, k: int) -> float:
    """The unbiased estimate, in [0, 1]:

        1 - C(n - c, k) / C(n, k)        n answers, c of them right

    It is the share of the choices of k answers out of n that have a right one among them; the
    plain 1 - (1 - c/n)^k is too low.

    Raises:
        ValueError: not 0 <= right <= answers, or not 1 <= k <= answers.
    """
    if not 0 <= right <= answers:
        raise ValueError(f"{right} of {answers} answers cannot be right")
    if not 1 <= k <= answers:
        raise ValueError(f"pass@{k} cannot be told from {answers} answers")
    return 1.0 - math.comb(answers - right, k) / math.comb(answers, k)
