import pytest

from srlr.core.backends import nearest_divisors, refusals
from srlr.core.training import Alarms, Grpo
from srlr.core.vllm import Vllm

TRL = Grpo(backend="trl")


@pytest.mark.parametrize("node", [Grpo(), Grpo(variant="rloo", refill_attempts=3), TRL])
def test_what_works_is_not_refused(node):
    assert list(refusals(node, ())) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"variant": "rloo"}, "rlvr.variant: TRL's GRPOTrainer has no rloo"),
        ({"refill_attempts": 3}, "rlvr.refill_attempts: not supported by TRL; say 0, or rlvr.back"),
        ({"tuning": "qlora"}, "rlvr.tuning: 4 bits are not supported with TRL; say lora"),
        ({"optimiser": "adamw_8bit"}, "rlvr.optimiser: not supported with TRL; say adamw"),
        ({"alarms": Alarms(kl="roll_back")}, "rlvr.alarms.kl: TRL cannot roll back"),
        (
            {"minibatches": 5},
            "rlvr.minibatches: 128 answers a step do not divide into 5 alike, as TRL needs them; "
            "say 4 or 8",
        ),
    ],
)
def test_what_trl_lacks_is_refused_with_what_to_say_instead(changes, said):
    (refusal,) = refusals(TRL.model_copy(update=changes), ())

    assert refusal.startswith(said)


def test_texts_that_end_an_answer_are_refused():
    (refusal,) = refusals(TRL, ("END",))

    assert refusal == "rollout.stop: not supported by TRL; say [], or rlvr.backend=own"


def test_vllm_without_trl_is_refused():
    node = Grpo(vllm=Vllm(mode="server"))

    assert [one.partition(":")[0] for one in refusals(node, ())] == ["rlvr.vllm.mode"]


@pytest.mark.parametrize(
    ("total", "asked", "near"),
    [(128, 5, [4, 8]), (128, 200, [128]), (6, 4, [3, 6]), (7, 2, [1, 7])],
)
def test_the_nearest_divisors_are_below_and_above(total, asked, near):
    assert nearest_divisors(total, asked) == near
