"""What generate's page draws: bars and a histogram, as inline SVG in the page's own colours.

Bars need no plotting library, and a stage of seconds should not wait for one to be loaded.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

BLUE, GREEN, OCHRE = "--series-2", "--series-3", "--series-4"
MOST_BARS = 12
BINS = 24
WIDTH = 460
"""Units; a page shows them as pixels at most."""
_LEFT, _RIGHT = 150, 48
_ROW, _BAR = 24, 15
_HEIGHT, _FLOOR = 210, 168


def bars(title: str, counts: Mapping[str, float], colour: str = BLUE) -> str:
    """A bar for each of the largest counts; '' without any."""
    rows = list(counts.items())[:MOST_BARS]
    if not rows:
        return ""
    most = max(value for _, value in rows) or 1
    parts = []
    for place, (label, value) in enumerate(rows):
        parts += _bar(place, label, value / most, colour, _shown(value))
    said = ", ".join(f"{label} {_shown(value)}" for label, value in rows)
    return _svg(f"{title}: {said}", parts, _ROW * len(rows) + 4)


def quotas(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the set has of each kind of edge case, and a mark at what is wanted."""
    shown = [row for row in rows if row["have"] or row["want"]][:MOST_BARS]
    if not shown:
        return ""
    most = max(max(row["have"], row["want"]) for row in shown)
    parts = []
    for place, row in enumerate(shown):
        kind, share = row["kind"].replace("_", " "), row["have"] / most
        colour = OCHRE if row["missing"] else GREEN
        far = max(share, row["want"] / most)
        parts += _bar(place, kind, share, colour, f"{row['have']:,}", far=far)
        if row["want"]:
            x, y = _across(row["want"] / most), place * _ROW + 2
            parts.append(f'<path d="M{x:g} {y}v19" stroke="var(--ink)" stroke-width="2"/>')
    said = ", ".join(f"{row['kind']} {row['have']} of {row['want']}" for row in shown)
    return _svg(f"Edge cases, had and wanted: {said}", parts, _ROW * len(shown) + 4)


def lengths(texts: Sequence[str]) -> str:
    """How many texts have how many words; the last bar holds all that are longer."""
    sizes = sorted(len(text.split()) for text in texts)
    if not sizes:
        return ""
    longest, middle = sizes[int(0.99 * (len(sizes) - 1))], sizes[len(sizes) // 2]
    step = max(1, -(-longest // BINS))
    counts = Counter(min(size, longest) // step for size in sizes)
    last, most = longest // step, max(counts.values())
    width = (WIDTH - 40) / (last + 1)
    parts = []
    for place, count in sorted(counts.items()):
        height = (_FLOOR - 14) * count / most
        x, y = 36 + place * width, _FLOOR - height
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width * 0.88:.1f}" height="{height:.1f}" '
            f'fill="var({BLUE})"/>'
        )
    for place in range(0, last + 1, max(1, (last + 1) // 6)):
        parts.append(_text(36 + (place + 0.44) * width, _FLOOR + 16, f"{place * step:,}", "middle"))
    parts.append(_text(32, 22, f"{most:,}", "end"))
    parts.append(_text(36 + (WIDTH - 40) / 2, _FLOOR + 34, "words", "middle", "--muted"))
    x = 36 + (min(middle, longest) // step + 0.44) * width
    parts.append(
        f'<path d="M{x:.1f} 8V{_FLOOR}" stroke="var(--ink)" stroke-dasharray="3 3" fill="none"/>'
    )
    title = f"Words in a problem, from {sizes[0]} to {sizes[-1]}, half of them at most {middle}"
    return _svg(title, parts, _HEIGHT)


def _bar(
    place: int,
    label: str,
    share: float,
    colour: str,
    figure: str,
    *,
    far: float | None = None,
) -> list[str]:
    """A row: a label, a bar of `share` of the width, and the figure beside it or beside `far`."""
    y = place * _ROW + (_ROW - _BAR) / 2
    width = _across(share) - _LEFT
    name = label if len(label) <= 22 else label[:21] + "…"
    return [
        _text(_LEFT - 8, y + 12, name, "end"),
        f'<rect x="{_LEFT}" y="{y:g}" width="{width:.1f}" height="{_BAR}" fill="var({colour})"/>',
        _text(_across(share if far is None else far) + 6, y + 12, figure),
    ]


def _across(share: float) -> float:
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = "--ink") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="var({colour})" font-size="12">{escape(text)}</text>'


def _svg(title: str, parts: Sequence[str], height: int) -> str:
    head = f'<svg class="plot" role="img" aria-label={quoteattr(title)}'
    view = f'viewBox="0 0 {WIDTH} {height}"'
    return f"{head} {view}><title>{escape(title)}</title>{''.join(parts)}</svg>"


def _shown(value: float) -> str:
    return f"{value:,}" if float(value).is_integer() else f"{value:.2f}"
