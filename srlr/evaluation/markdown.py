"""The report in Markdown: the closing table, what is certain about it, and the weak spots."""

import re
from collections.abc import Sequence

from srlr.evaluation import sentences
from srlr.evaluation.compare import Interval
from srlr.evaluation.value import METRIC_TITLES, STAGES, TITLES, ModelRow, Report


def markdown(report: Report) -> str:
    """The whole report.md; texts of users and models are escaped, so they stay text."""
    parts = [
        f"# {report.headline}",
        " · ".join(
            (
                f"run `{report.run}`",
                f"role {plain(report.role)}",
                f"tier {plain(report.tier)}",
                f"model {plain(report.model)}",
                f"seed {report.seed}",
            )
        ),
        "\n".join(f"- {note}" for note in report.notes),
        *_section(f"Figures, with {report.level:.0%} intervals", _figures(report)),
        *_section("Paired tests on the same tasks", _tests(report)),
        *_section("Every two models", _pairwise(report)),
        *_section("What an answer takes", _service(report)),
        *_section("Drawn answers", _sampled(report)),
        *_section("Gate", _gate(report)),
        *_section("F1 by label", _classes(report)),
        *_section("By category", _categories(report)),
        *_section("Weak spots", _weak(report)),
        *_section("What to do about them", _findings(report)),
        *_section("Beyond these tasks", _beyond(report)),
        *_section("Changed answers", _examples(report)),
        *_section("Rows used", _rows(report)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    """Text on one line that Markdown and HTML both leave as it is."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|#>~])", r"\\\1", flat)


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first column left and the others right; '' without lines."""
    if not lines:
        return ""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *lines))


def _section(title: str, body: str) -> tuple[str, ...]:
    return (f"## {title}", body) if body else ()


def _cell(figure: Interval | None) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]" if figure else "–"


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def _figures(report: Report) -> str:
    asked = list(report.table[0].metrics)
    head = ["model", *(METRIC_TITLES.get(w, w) for w in asked), "P50 / P95 s", "tokens"]
    lines = [
        [
            f"{row.title} ({row.note})" if row.note else row.title,
            *(_cell(row.metrics.get(w)) for w in asked),
            _latency(row),
            _number(row.tokens, 0),
        ]
        for row in report.table
    ]
    return table(head, lines)


def _latency(row: ModelRow) -> str:
    if row.kind == "comparison":
        return "–"
    return f"{_number(row.latency_s.p50)} / {_number(row.latency_s.p95)}"


def _tests(report: Report) -> str:
    asked = list(report.tests[0].metrics) if report.tests else []
    head = ["difference", *(METRIC_TITLES.get(w, w) for w in asked), "fixed / broken", "McNemar p"]
    lines = [
        [
            test.title,
            *(sentences.signed(test.metrics[w]) for w in asked),
            f"{test.flips.fixed} / {test.flips.broken}",
            plain(sentences.p_value(test.flips.p)),
        ]
        for test in report.tests
    ]
    return table(head, lines)


def _pairwise(report: Report) -> str:
    name = METRIC_TITLES.get(report.main_metric, report.main_metric)
    head = ["difference", name, "p", "Holm’s p", "Cohen’s h", "odds fixed : broken"]
    lines = [
        [
            f"{TITLES[one.model]} − {TITLES[one.against]}",
            sentences.signed(one.gap),
            plain(sentences.p_value(one.gap.p)) if one.gap else "–",
            "–" if one.p_holm is None else plain(sentences.p_value(one.p_holm)),
            _number(one.effect.cohen_h, 2),
            _number(one.effect.odds_ratio, 2),
        ]
        for one in report.pairwise
    ]
    return table(head, lines)


def _service(report: Report) -> str:
    points = ("p50", "p95", "p99")
    head = ["model", "timed", "P50 / P95 / P99 s", "P50 / P95 / P99 tokens", "1,000 answers"]
    lines = [
        [
            TITLES[model],
            str(one.timed),
            " / ".join(_number(one.latency_s[n]) for n in points),
            " / ".join(_number(one.tokens[n], 0) for n in points),
            "–" if one.cost_per_1000_usd is None else f"${one.cost_per_1000_usd:.4f}",
        ]
        for model, one in report.service.items()
    ]
    return table(head, lines)


def _sampled(report: Report) -> str:
    found = report.sampled
    if found is None:
        return ""
    name = f"avg@{found.samples} at temperature {found.temperature:g}"
    lines = [[TITLES[model], _cell(figure)] for model, figure in found.figures.items()]
    gaps = [
        [test.title, sentences.signed(test.gap), plain(sentences.p_value(test.gap.p))]
        for test in found.tests
    ]
    ks = list(next(iter(found.pass_at.values()), {}))
    passing = [[TITLES[m], *(_cell(by_k[k]) for k in ks)] for m, by_k in found.pass_at.items()]
    parts = [
        table(["model", name], lines),
        table(["difference", name, "p"], gaps),
        table(["model", *(f"pass@{k}" for k in ks)], passing),
    ]
    return "\n\n".join(part for part in parts if part)


def _gate(report: Report) -> str:
    lines = [
        [
            plain(check.name),
            check.required,
            check.measured,
            "passed" if check.passed else "**failed**",
        ]
        for check in report.gate
    ]
    return table(["floor", "required", "measured", "result"], lines)


def _passed(passed: bool) -> str:
    return "passed" if passed else "**failed**"


def _classes(report: Report) -> str:
    if not report.per_class:
        return ""
    models = list(report.per_class)
    lines = [
        [
            plain(label),
            str(report.per_class[models[0]][k].support),
            *(_number(report.per_class[model][k].f1) for model in models),
        ]
        for k, label in enumerate(report.labels)
    ]
    return table(["label", "rows", *(TITLES[model] for model in models)], lines)


def _categories(report: Report) -> str:
    models = list(report.categories)
    kinds = ("detected", "false_positives")
    heads = [f"{TITLES[m]}: {said}" for m in models for said in ("detected", "false positives")]
    lines = [
        [
            plain(one.category),
            str(one.rows),
            *(_cell(getattr(report.categories[m][k], kind)) for m in models for kind in kinds),
        ]
        for k, one in enumerate(report.categories.get(report.final, ()))
    ]
    return table(["category", "rows", *heads], lines)


def _weak(report: Report) -> str:
    lines = [
        [
            f"{plain(s.key)}: {plain(s.value)}",
            str(s.rows),
            _number(s.score),
            _number(s.rest),
            f"{_number(s.gap)} [{_number(s.low)}, {_number(s.high)}]",
        ]
        for s in report.weaknesses.slices
    ]
    return table(["slice", "rows", report.weaknesses.metric, "elsewhere", "gap"], lines)


def _findings(report: Report) -> str:
    head = ["id", "where", "rows", "accuracy", "gap", "Holm’s p", "suggestion"]
    lines = [
        [
            f"`{one.id}`",
            plain(one.title),
            str(one.rows),
            _number(one.score),
            f"{_number(one.gap)} [{_number(one.low)}, {_number(one.high)}]",
            plain(sentences.p_value(one.p_holm)),
            plain(one.suggestion) if one.clear else "may be chance",
        ]
        for one in report.findings
    ]
    return table(head, lines)


def _beyond(report: Report) -> str:
    lines = [
        [
            plain(one.what),
            str(one.tasks),
            _number(one.before),
            _number(one.after),
            "–" if one.gap is None else _cell(one.gap),
            "–" if one.changed is None else f"{one.changed:.0%}",
        ]
        for one in report.generalised
    ]
    seen = report.contamination
    said = ""
    if seen is not None:
        said = (
            f"Seen in training: {seen.exact} tasks exactly, {seen.near} nearly, {seen.ngrams} in "
            "half of their words."
        )
    head = ["tasks", "count", "before", "here", "gap", "other answers"]
    return "\n\n".join(part for part in (table(head, lines), said) if part)


def _examples(report: Report) -> str:
    return "\n".join(
        f"- {e.kind}: “{plain(e.prompt)}” is {plain(e.gold)}; "
        + ", ".join(f"{TITLES[m]} said {plain(e.answers[m])}" for m in STAGES if m in e.answers)
        for e in report.examples
    )


def _rows(report: Report) -> str:
    return ", ".join(f"{plain(use)} {count}" for use, count in report.rows.items())
