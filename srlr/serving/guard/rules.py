"""Every rule by its name: which kind and concern it belongs to, on which side it looks, what it
says, and the risk of OWASP's Top 10 for LLM applications (2026) that it is a guard against.
"""

from dataclasses import dataclass

from srlr.serving.guard.verdict import Kind, Side

BOTH: tuple[Side, ...] = ("input", "output")
IN: tuple[Side, ...] = ("input",)
OUT: tuple[Side, ...] = ("output",)
OWASP = {
    "LLM01": "Prompt Injection",
    "LLM02": "Sensitive Information Disclosure",
    "LLM03": "Excessive Agency",
    "LLM04": "Supply Chain",
    "LLM05": "Data & Model Poisoning",
    "LLM06": "Unbounded Consumption",
    "LLM07": "Misinformation",
    "LLM08": "Hidden Context Exposure",
    "LLM09": "Vector & Embedding Weaknesses",
    "LLM10": "Improper Output Handling",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """`concern` is the word under which an action is chosen, by level and by role."""

    name: str
    kind: Kind
    concern: str
    sides: tuple[Side, ...]
    owasp: str
    says: str


def _rules() -> tuple[Rule, ...]:
    return (
        Rule("size.chars", "input", "size", IN, "LLM06", "longer than a request may be"),
        Rule(
            "size.messages", "input", "size", IN, "LLM06", "more messages than a request may have"),
        Rule("format.empty", "input", "format", IN, "", "has nothing in it to answer"),
        Rule("format.content", "input", "format", IN, "", "a message's content is not text"),
        Rule("format.role", "input", "format", IN, "", "a message has an unknown role"),
        Rule("encoding.broken", "input", "encoding", IN, "", "holds signs that are no text"),
        Rule("encoding.hidden", "input", "encoding", IN, "LLM01", "hides signs from its reader"),
        Rule("toxicity", "output", "toxicity", BOTH, "", "insults or demeans"),
        Rule("schema", "output", "schema", OUT, "LLM10", "is not in the role's form"),
        Rule("length", "output", "length", OUT, "LLM06", "is longer than an answer of the role"),
        Rule("length.empty", "output", "length", OUT, "", "is empty"),
        Rule("repetition", "output", "repetition", OUT, "LLM06", "says the same again and again"),
        Rule(
            "markup",
            "output", "markup", OUT, "LLM10", "holds what a browser or a terminal would run"),
        Rule(
            "markup.beacon",
            "output", "markup", OUT, "LLM02", "holds a picture whose address carries data"),
        Rule(
            "leak",
            "output", "leak", OUT, "LLM08", "repeats instructions that were not for the reader"),
        Rule(
            "injection.override",
            "behaviour", "injection", IN, "LLM01", "tells the model to drop its instructions"),
        Rule(
            "injection.persona",
            "behaviour", "injection", IN, "LLM01", "gives the model a persona without rules"),
        Rule(
            "injection.reveal",
            "behaviour", "injection", IN, "LLM08", "asks for the instructions the model was given"),
        Rule(
            "injection.delimiter",
            "behaviour", "injection", IN, "LLM01", "pretends to be another part of the prompt"),
        Rule(
            "injection.embedded",
            "behaviour", "injection", IN, "LLM01", "instructs a model that reads it"),
        Rule(
            "injection.tool",
            "behaviour", "injection", IN, "LLM03", "makes a model that reads it call a tool"),
        Rule(
            "injection.exfiltrate",
            "behaviour", "injection", IN, "LLM02", "asks for data that is not the asker's"),
        Rule(
            "injection.hidden",
            "behaviour", "injection", IN, "LLM01", "hides such an instruction in an encoding"),
        Rule("injection.scorer", "behaviour", "injection", IN, "LLM01", "reads like known attacks"),
        Rule("scope", "behaviour", "scope", IN, "LLM03", "is not this role's task"),
        Rule(
            "limits.tokens",
            "behaviour", "size", IN, "LLM06", "asks for more tokens than an answer may have"),
        Rule(
            "limits.time",
            "behaviour", "size", IN, "LLM06", "asks for more time than an answer may take"),
        Rule("ethics", "alignment", "ethics", OUT, "", "advises to deceive or to harm"),
        Rule("bias", "alignment", "bias", OUT, "", "says something of all people of a group"),
        Rule("honesty", "alignment", "honesty", OUT, "LLM07", "claims what it cannot know or be"),
        Rule("pii", "safety", "pii", BOTH, "LLM02", "holds personal data"),
        Rule("secret", "safety", "secret", BOTH, "LLM02", "holds a key, a token or a password"),
        Rule("harm.weapons", "safety", "harm", BOTH, "", "is about making weapons"),
        Rule("harm.drugs", "safety", "harm", BOTH, "", "is about making drugs"),
        Rule("harm.cyber", "safety", "harm", BOTH, "", "is about attacking computers or accounts"),
        Rule("harm.fraud", "safety", "harm", BOTH, "", "is about defrauding people"),
        Rule("harm.violence", "safety", "harm", BOTH, "", "is about hurting people or animals"),
        Rule("harm.self", "safety", "harm", BOTH, "", "is about hurting oneself"),
        Rule("harm.minors", "safety", "harm", BOTH, "", "sexualises minors"),
        Rule("harm.sexual", "safety", "harm", BOTH, "", "asks for pornography"),
        Rule("harm.hate", "safety", "harm", BOTH, "", "spreads hatred of a group"),
        Rule("harm.deceit", "safety", "harm", BOTH, "LLM07", "spreads what is false"),
        Rule("harm.privacy", "safety", "harm", BOTH, "LLM02", "is about spying on people"),
        Rule("classifier", "safety", "harm", BOTH, "", "was flagged by the moderation role"),
    )  # fmt: skip


RULES = {rule.name: rule for rule in _rules()}
HELP = {
    "harm.self": (
        "I am sorry that you are going through this, "
        "and I cannot help with hurting yourself. Please talk to "
        "someone now: in an emergency call your local emergency number; findahelpline.com lists l"
        "ines in "
        "your country that are free and confidential."
    ),
}
"""What is said instead, where it must be more than a refusal."""
