"""The wordings and calculations of arithmetic word problems that only dev or only test has."""

from srlr.roles.word_templates import Template

HELD_OUT = (
    Template(
        "difference",
        "dev",
        (
            "{who} collected {a} {items} and {other} collected {b}. "
            "How many more {items} than {other} did {who} collect?",
            "A red ribbon is {a} cm long, a blue one {b} cm. "
            "By how many cm is the red ribbon longer?",
        ),
        {"a": (5, 90), "b": (2, 60)},
        ("a - b",),
    ),
    Template(
        "stamps",
        "dev",
        (
            "A letter needs {b} stamps. How many stamps do {a} letters need?",
            "{a} children come to the party, and every child brings {b} {items}. "
            "How many {items} do the children bring?",
        ),
        {"a": (2, 9), "b": (2, 9)},
        ("a * b",),
    ),
    Template(
        "teams",
        "dev",
        (
            "{a} pupils form {b} teams of the same size. How many pupils are in a team?",
            "A rope of {a} m is cut into {b} pieces of equal length. How many m long is a piece?",
        ),
        {"a": (4, 90), "b": (2, 9)},
        ("a / b",),
    ),
    Template(
        "rows_and_more",
        "dev",
        (
            "A room has {a} rows of {b} chairs. {who} carries in {c} more chairs. "
            "How many chairs are in the room now?",
            "{who} planted {a} rows with {b} trees in each row, and {c} trees by the road. "
            "How many trees did {who} plant?",
        ),
        {"a": (2, 9), "b": (2, 9), "c": (3, 25)},
        ("a * b", "s + c"),
    ),
    Template(
        "keep_and_pack",
        "dev",
        (
            "{who} picked {a} plums, ate {b} and packed the rest equally into {c} baskets. "
            "How many plums are in each basket?",
            "Of {a} pupils {b} are ill. The others form {c} teams of the same size. "
            "How many pupils are in a team?",
        ),
        {"a": (6, 80), "b": (2, 30), "c": (2, 9)},
        ("a - b", "s / c"),
    ),
    Template(
        "bus",
        "dev",
        (
            "A bus leaves with {a} people. At the first stop {b} get on, at the second {c} get off "
            "and at the third {d} get on. How many people are on the bus now?",
        ),
        {"a": (5, 40), "b": (3, 25), "c": (3, 30), "d": (2, 20)},
        ("a + b", "s - c", "t + d"),
    ),
    Template(
        "two_days",
        "test",
        (
            "{who} swims {a} lengths in the morning and {b} in the afternoon. "
            "How many lengths does {who} swim?",
            "A tree bears {a} ripe lemons and {b} green ones. How many lemons are on the tree?",
        ),
        {"a": (2, 60), "b": (2, 39)},
        ("a + b",),
    ),
    Template(
        "unread",
        "test",
        (
            "A book has {a} pages. {who} has read {b} of them. "
            "How many pages are still to be read?",
            "{who} is {a} years old. How old was {who} {b} years ago?",
        ),
        {"a": (5, 90), "b": (2, 60)},
        ("a - b",),
    ),
    Template(
        "benches",
        "test",
        (
            "A park has {a} benches. On each bench sit {b} people. How many people sit there?",
            "One cake needs {b} eggs. {who} bakes {a} cakes. How many eggs does {who} need?",
        ),
        {"a": (2, 9), "b": (2, 9)},
        ("a * b",),
    ),
    Template(
        "speed",
        "test",
        (
            "{who} walks {a} km in {b} hours, always at the same speed. "
            "How many km does {who} walk in one hour?",
            "{a} litres of juice fill {b} jugs of the same size. How many litres fit in one jug?",
        ),
        {"a": (6, 90), "b": (2, 9)},
        ("a / b",),
    ),
    Template(
        "bake_and_eat",
        "test",
        (
            "{who} bakes {a} trays of {b} rolls. The guests eat {c} rolls. How many rolls remain?",
            "A street has {a} houses with {b} windows each. {who} has cleaned {c} of the windows. "
            "How many windows are still dirty?",
        ),
        {"a": (2, 9), "b": (2, 9), "c": (2, 50)},
        ("a * b", "s - c"),
    ),
    Template(
        "reduced",
        "test",
        (
            "A ticket costs {a} dollars, but {b} dollars less for a child. "
            "How many dollars do {c} tickets for children cost?",
            "A full crate weighs {a} kg. Without its lid, which weighs {b} kg, it is lighter. "
            "How many kg do {c} crates without lids weigh?",
        ),
        {"a": (4, 25), "b": (2, 15), "c": (2, 8)},
        ("a - b", "s * c"),
    ),
    Template(
        "wages",
        "test",
        (
            "{who} works {a} hours for {b} dollars an hour and then buys {c} {items} at {d} "
            "dollars each. How many dollars of the wages are left?",
        ),
        {"a": (2, 9), "b": (2, 10), "c": (2, 6), "d": (2, 8)},
        ("a * b", "c * d", "s - t"),
    ),
    Template(
        "mixed_jars",
        "test",
        (
            "{who} spreads {a} red and {b} blue beads evenly over {c} jars. Then {who} adds {d} "
            "green beads to one jar. How many beads are in this jar?",
        ),
        {"a": (4, 40), "b": (4, 40), "c": (2, 9), "d": (2, 15)},
        ("a + b", "s / c", "t + d"),
    ),
)
