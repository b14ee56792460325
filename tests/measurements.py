"""A measurement of round figures and a card paid for by the token, for tests of what is made of
them.
"""

from srlr.models.measured import Load, Measured, Probe, Spread

PAID = """
name: bought
source: api:vendor/bought
facts:
  for_pay: {value: true, source: 'https://x', date: 2026-11-23}
  price_input_usd_per_1m: {value: 1, source: 'https://x', date: 2026-11-23}
  price_output_usd_per_1m: {value: 2, source: 'https://x', date: 2026-11-23}
tuning: {}
"""


def measured(**changes):
    """A measurement of round figures."""
    facts = {
        "model": "tiny",
        "at": "2026-11-23T20:00:00+00:00",
        "device": "cpu",
        "dtype": "float32",
        "loading_s": 1.0,
        "first_token_s": Spread(100, 0.010, 0.014, 0.020),
        "answer_s": Spread(50, 0.100, 0.200, 0.300),
        "answers_per_s": 20.0,
        "at_once": 64,
        "load": Load(10.0, 200, 20.0, Spread(200, 0.2, 0.4, 0.5), 8, True),
        "probe": Probe.of(32, 64, 0.5),
        "peak_gb": 1.0,
        "computed_gb": 1.1,
        "prompt_tokens": 90.0,
        "answer_tokens": 10.0,
        "busy_cores": 0.5,
        "seconds": 60.0,
    }
    return Measured(**{**facts, **changes})
