"""What a training loop lives in, for tests: a folder, ears, and a judge told what to say."""

import pytest

from srlr.training.progress import Surroundings


class Ears:
    """Collects what a loop logs; as the stages do, it forgets what comes after a rewind.

    `figures` are the held-out scores, one a judgement; the last one is repeated.
    `stop_at`: the loop is interrupted when it logs that step's training figures.
    """

    def __init__(self, folder, figures=(0.5,), stop_at=None):
        self.folder, self.figures, self.stop_at = folder, list(figures), stop_at
        self.rows, self.told, self.judged, self.alarms = [], [], [], []

    def log(self, step, figures):
        self.rows.append((step, {k: v for k, v in figures.items() if k != "seconds"}))
        if step == self.stop_at and "loss" in figures:
            raise KeyboardInterrupt

    def score(self, model):
        at = len(self.judged)
        self.judged.append(weights(model))
        return {"macro_f1": self.figures[min(at, len(self.figures) - 1)], "validity": 1.0}

    def rewind(self, step):
        self.rows = [row for row in self.rows if row[0] <= step]

    def around(self):
        told = self.told
        return Surroundings(
            self.folder,
            self.folder.name,
            self.score,
            "macro_f1",
            self.log,
            lambda what, done, total, figures: told.append((what, done, total)),
            self.rewind,
            lambda: [{"step": step, **figures} for step, figures in self.rows],
            self.alarms.append,
        )

    def column(self, name):
        return [figures[name] for _, figures in self.rows if name in figures]


def weights(model):
    return [parameter.detach().clone() for parameter in model.model.parameters()]


@pytest.fixture
def ears(tmp_path):
    """`ears(figures=…, stop_at=…, name="srl")`: fresh ears over a folder that outlives them."""

    def make(name="srl", **how):
        (tmp_path / name).mkdir(exist_ok=True)
        return Ears(tmp_path / name, **how)

    return make
