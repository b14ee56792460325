"""srl: learn the expert's steps, each as much as it is worth, near the base model.

reads   generate/trajectories.jsonl, the base model
writes  srl/best/         the weights that did best on held-out tasks, a transformers folder
        srl/result.json   best step, steps taken, held-out figures
        srl/checkpoint/   while it runs: what a killed run goes on from
"""

from srlr import roles
from srlr.collaboration import record
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.types import Plan, Role, StageResult, Trajectory
from srlr.models.local import LocalModel
from srlr.rewards.normalise import weights
from srlr.stages import answering, learning
from srlr.training import imitate
from srlr.training.imitate import Example

NAME = "srl"
READS: tuple[str, ...] = ("role", "role_path", "model", "hardware", "srl", "rollout", "seed")
AFTER: tuple[str, ...] = ("select", "generate")


def plan(settings: Settings) -> Plan:
    examples = round(settings.generate.num_tasks * settings.generate.srl_share)
    steps = imitate.plan_steps(examples, settings.srl)
    seen = steps * settings.srl.batch_size
    return learning.plan(NAME, settings, settings.srl, steps, trained=seen, generated=0)


def run(settings: Settings, rundir: RunDir) -> StageResult:
    """Raises MissingArtifact where generate has not run or left no trajectory."""
    role = roles.load(settings.role, settings.role_path)
    trajectories = [
        record.from_row(row) for row in rundir.read_jsonl("generate/trajectories.jsonl")
    ]
    base = answering.base_folder(settings, rundir)
    model = answering.load(base, settings, rundir)
    examples = encoded(model, role, trajectories, settings.srl.reward_norm_method)
    around = learning.surroundings(NAME, role, settings, settings.srl, rundir)
    outcome = imitate.train(model, examples, settings.srl, settings.seed or 0, around)
    return learning.finish(NAME, outcome, base, settings, rundir)


def encoded(
    model: LocalModel, role: Role, trajectories: list[Trajectory], method: str
) -> list[Example]:
    """Trajectories as tokens; a step's weight is its reward on the scale of all steps."""
    rewards = [step.reward for trajectory in trajectories for step in trajectory.steps]
    scaled = iter(weights(rewards, method))
    examples = []
    for trajectory in trajectories:
        segments = [model.encode(text) for text in role.completion(trajectory)]
        segments[-1] = [*segments[-1], model.stop_token]
        prompt = model.encode_chat(role.messages(trajectory.task))
        examples.append(Example(prompt, segments, [next(scaled) for _ in trajectory.steps]))
    return examples
