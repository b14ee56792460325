"""Numbers by which tokens are drawn, each by its seed and place, without those before it.

Source: Philox, Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
"""

import numpy


def uniform(seed: int, place: int) -> float:
    """The number in [0, 1) that draws an answer's token at this place."""
    key = numpy.random.Philox(key=seed % 2**128, counter=place)
    return float(numpy.random.Generator(key).random())
