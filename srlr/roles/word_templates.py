"""The wordings and calculations of arithmetic word problems that train has."""

from collections.abc import Mapping
from dataclasses import dataclass

from srlr.core.types import Split


@dataclass(frozen=True, slots=True)
class Template:
    """A problem without its numbers and names.

    `wordings` hold {who} and {other} for two people, {items} and {more} for two sorts of things,
    and the letters of `numbers`, which say from where to where each is drawn. `steps` calculate
    with these letters and with s, t, u, v: what the first to the fourth step came to.
    """

    name: str
    split: Split
    wordings: tuple[str, ...]
    numbers: Mapping[str, tuple[int, int]]
    steps: tuple[str, ...]


TRAIN = (
    Template(
        "gain",
        "train",
        (
            "{who} has {a} {items}. {other} gives {who} {b} more. "
            "How many {items} does {who} have now?",
            "There are {a} {items} in a box. {who} puts in {b} more. "
            "How many {items} are in the box now?",
        ),
        {"a": (3, 60), "b": (2, 39)},
        ("a + b",),
    ),
    Template(
        "lose",
        "train",
        (
            "{who} had {a} {items} and gave {b} of them to {other}. "
            "How many {items} does {who} have left?",
            "A shop had {a} {items} and sold {b} of them. How many {items} are left?",
        ),
        {"a": (8, 90), "b": (2, 60)},
        ("a - b",),
    ),
    Template(
        "packs",
        "train",
        (
            "{who} buys {a} packs of {items}. There are {b} {items} in each pack. "
            "How many {items} does {who} buy?",
            "{who} fills {a} bags with {b} {items} each. How many {items} does {who} need?",
        ),
        {"a": (2, 9), "b": (2, 12)},
        ("a * b",),
    ),
    Template(
        "split",
        "train",
        (
            "{who} shares {a} {items} equally among {b} friends. "
            "How many {items} does each friend get?",
            "{a} {items} are put equally into {b} boxes. How many {items} are in each box?",
        ),
        {"a": (4, 90), "b": (2, 9)},
        ("a / b",),
    ),
    Template(
        "gain_lose",
        "train",
        (
            "{who} has {a} {items} and finds {b} more. Then {who} gives {c} {items} to {other}. "
            "How many {items} does {who} have left?",
            "{a} {items} were on the table. {who} brought {b} more, and {other} took {c} away. "
            "How many {items} are on the table now?",
        ),
        {"a": (5, 50), "b": (3, 40), "c": (2, 50)},
        ("a + b", "s - c"),
    ),
    Template(
        "price_and_one",
        "train",
        (
            "{who} buys {a} {items} for {b} dollars each and a bag for {c} dollars. "
            "How many dollars does {who} pay?",
            "One of the {items} costs {b} dollars. {who} takes {a} of them, "
            "and a gift for {c} dollars. How many dollars does {who} spend?",
        ),
        {"a": (2, 9), "b": (2, 9), "c": (3, 25)},
        ("a * b", "s + c"),
    ),
    Template(
        "change",
        "train",
        (
            "{who} buys {a} {items} for {b} dollars each and pays with {c} dollars. "
            "How many dollars does {who} get back?",
            "{who} has {c} dollars and buys {a} {items} at {b} dollars each. "
            "How many dollars does {who} have left?",
        ),
        {"a": (2, 9), "b": (2, 9), "c": (6, 90)},
        ("a * b", "c - s"),
    ),
    Template(
        "pool_and_share",
        "train",
        (
            "{who} has {a} {items} and {other} has {b}. They share all of them equally among "
            "{c} children. How many {items} does each child get?",
            "{who} puts {a} {items} and {b} {more} together and makes {c} equal piles. "
            "How many things are in each pile?",
        ),
        {"a": (4, 40), "b": (4, 40), "c": (2, 9)},
        ("a + b", "s / c"),
    ),
    Template(
        "share_and_lose",
        "train",
        (
            "{who} shares {a} {items} equally among {b} friends. One of the friends loses {c}. "
            "How many {items} does this friend have left?",
            "{who} puts {a} {items} equally into {b} boxes and takes {c} out of the first box. "
            "How many {items} are left in the first box?",
        ),
        {"a": (8, 90), "b": (2, 9), "c": (2, 20)},
        ("a / b", "s - c"),
    ),
    Template(
        "save_and_add",
        "train",
        (
            "{who} saves {a} dollars every week. After {b} weeks {other} gives {who} {c} dollars. "
            "How many dollars does {who} have then?",
            "{who} reads {a} pages a day for {b} days and {c} pages on the day after. "
            "How many pages does {who} read?",
        ),
        {"a": (2, 12), "b": (2, 8), "c": (3, 30)},
        ("a * b", "s + c"),
    ),
    Template(
        "more_than",
        "train",
        (
            "{who} has {a} {items}. {other} has {b} more than {who}. "
            "How many {items} do they have together?",
            "{who} made {a} {items} on Monday and {b} more than that on Tuesday. "
            "How many {items} did {who} make on both days?",
        ),
        {"a": (3, 40), "b": (2, 20)},
        ("a + b", "a + s"),
    ),
    Template(
        "three_parts",
        "train",
        (
            "{who} has {a} {items}, {other} has {b} and a friend has {c}. "
            "How many {items} do they have in all?",
            "{who} sold {a} {items} on Friday, {b} on Saturday and {c} on Sunday. "
            "How many {items} did {who} sell?",
        ),
        {"a": (3, 35), "b": (3, 35), "c": (3, 35)},
        ("a + b", "s + c"),
    ),
    Template(
        "two_sorts",
        "train",
        (
            "{who} buys {a} {items} for {b} dollars each and {c} {more} for {d} dollars each. "
            "How many dollars does {who} pay?",
            "{who} has {a} bags of {b} {items} and {c} bags of {d} {more}. "
            "How many things does {who} have?",
        ),
        {"a": (2, 8), "b": (2, 8), "c": (2, 8), "d": (2, 8)},
        ("a * b", "c * d", "s + t"),
    ),
    Template(
        "boxes_shared",
        "train",
        (
            "{who} has {a} boxes of {b} {items}. {c} {items} are broken. {who} shares the rest "
            "equally among {d} friends. How many {items} does each friend get?",
            "{who} buys {a} packs of {b} {items}, keeps {c} {items} and puts the others equally "
            "into {d} bags. How many {items} are in each bag?",
        ),
        {"a": (2, 9), "b": (2, 9), "c": (2, 20), "d": (2, 9)},
        ("a * b", "s - c", "t / d"),
    ),
    Template(
        "two_sorts_and_change",
        "train",
        (
            "{who} buys {a} {items} for {b} dollars each and {c} {more} for {d} dollars each, "
            "and pays with {e} dollars. How many dollars does {who} get back?",
        ),
        {"a": (2, 6), "b": (2, 6), "c": (2, 6), "d": (2, 6), "e": (10, 90)},
        ("a * b", "c * d", "s + t", "e - u"),
    ),
)
