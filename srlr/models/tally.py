"""How many tokens have gone through a model: what two ways of training are compared by."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Tokens since somebody last took them, padding not among them.

    A token counts each time it is computed: once for all answers that have it in common, again when
    it is read by a reference or trained on. `backward` are those a gradient went back through.
    """

    forward: int = 0
    backward: int = 0

    def take(self) -> "Tally":
        """What there is; it begins at 0 again."""
        taken = Tally(self.forward, self.backward)
        self.forward = self.backward = 0
        return taken

    def add(self, other: "Tally") -> None:
        self.forward += other.forward
        self.backward += other.backward
