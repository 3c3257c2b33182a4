"""The chart, as SVG: one small panel per measure, with one bar per contender."""
from xml.sax.saxutils import escape

from table import absolute

_COLOURS = {"plain": "#c8c8c8", "native": "#8aa4c8", "retrotls": "#1f6f43", "stunnel": "#d09a4a", "socat": "#b9705f"}
_COLUMNS, _PANEL, _GAP, _MARGIN = 3, 300, 28, 24
_BAR, _STEP, _HEAD = 16, 21, 38
_NAME, _VALUE = 62, 64  # room for the name to the left of a bar and the value to the right


def _text(x, y, words, size=12, anchor="start", weight="normal", colour="#222"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{colour}">{escape(words)}</text>')


def _number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _panel(x, y, what, unit, values, more_is_better):
    parts = [_text(x, y + 12, what, 13, weight="bold"),
             _text(x, y + 27, f"{unit}, {'more' if more_is_better else 'less'} is better", 10, colour="#666")]
    widest = max(values.values())
    for number, (name, value) in enumerate(values.items()):
        top = y + _HEAD + number * _STEP
        width = max(1.0, value / widest * (_PANEL - _NAME - _VALUE))
        weight = "bold" if name == "retrotls" else "normal"
        parts += [_text(x + _NAME - 6, top + 12, name, 11, "end", weight),
                  f'<rect x="{x + _NAME}" y="{top}" width="{width:.1f}" height="{_BAR}" rx="2" '
                  f'fill="{_COLOURS[name]}"/>',
                  _text(x + _NAME + width + 5, top + 12, _number(value), 11, weight=weight)]
    return parts


def draw(measures, machine):
    """The SVG's text."""
    panels = absolute(measures)
    height_of = _HEAD + len(_COLOURS) * _STEP + _GAP
    rows = -(-len(panels) // _COLUMNS)
    width = 2 * _MARGIN + _COLUMNS * _PANEL + (_COLUMNS - 1) * _GAP
    top = 70
    height = top + rows * height_of
    subtitle = (f"{machine['processor']}, {machine['processors']} processors, Linux {machine['kernel']}, "
                f"{machine['openssl']}, {machine['date']}" + (" (quick run)" if machine["quick"] else ""))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" font-family="DejaVu Sans, Verdana, sans-serif">',
             f'<rect width="{width}" height="{height}" fill="#fff"/>',
             _text(_MARGIN, 30, "retrotls beside what else one could use", 18, weight="bold"),
             _text(_MARGIN, 50, subtitle, 11, colour="#666")]
    for number, panel in enumerate(panels):
        x = _MARGIN + number % _COLUMNS * (_PANEL + _GAP)
        y = top + number // _COLUMNS * height_of
        parts += _panel(x, y, *panel)
    return "\n".join([*parts, "</svg>", ""])
