"""The pictures: bars of what each filter adds to a request."""

from xml.sax.saxutils import escape

REFERENCE = "jwt_authn, new"
ADDED = (
    ("no-op, all exports", "a Rust filter that does nothing"),
    ("jwt_authn cached, repeated", "native jwt_authn, its cache on, one token repeated"),
    ("ours, repeated", "alb-authn, one token repeated"),
    ("lua", "inline Lua that decodes and verifies nothing"),
    ("jwt_authn, new", "native jwt_authn, each token new"),
    ("ours, new", "alb-authn, each token new"),
)
ALTERNATIVES = (
    ("ours, {}", "alb-authn"),
    ("lua, {}", "inline Lua (verifies nothing)"),
    ("jwt_authn, {}", "native jwt_authn (a JWKS, not the ALB's keys)"),
    ("aws-jwt-verify, {}", "aws-jwt-verify in a Node.js service"),
    ("PyJWT, {}", "PyJWT in a Python service"),
    ("oauth2-proxy, {}", "oauth2-proxy (its own sessions)"),
)
WIDTH, ROW, TEXT, RIGHT, TOP = 760, 30, 340, 60, 46
STYLE = (
    "text{font:13px sans-serif;fill:#24292f}.t{font-weight:bold}.ours{fill:#2563eb}.other{fill:#9aa4b2}"
)


def added(run):
    """What filters add, native jwt_authn being 1."""
    base = run["cases"][REFERENCE]["added_min"]
    bars = [
        (text, run["cases"][name]["added_min"] / base, "{:.2f}", name.startswith("ours"))
        for name, text in ADDED
        if name in run["cases"]
    ]
    return svg([("CPU time added to a request (native jwt_authn = 1)", bars)])


def alternatives(run):
    """What the filter and the alternatives add, in microseconds."""
    charts = []
    for kind, title in (("new", "each token or session new"), ("repeated", "one token or session repeated")):
        bars = []
        for pattern, text in ALTERNATIVES:
            figure = run["cases"][pattern.format(kind)]["added_min"]
            bars.append((text, figure, "{:.0f}", pattern.startswith("ours")))
        charts.append((f"CPU time added to a request, all processes (µs): {title}", bars))
    return svg(charts)


def svg(charts):
    """An SVG document of charts on one scale: title, and bars with text, value, its format, and whether it is ours."""
    longest = max(value for _, bars in charts for _, value, *_ in bars)
    height = sum(TOP + ROW * len(bars) + 12 for _, bars in charts)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    top = 0
    for title, bars in charts:
        lines.append(f'<text class="t" x="12" y="{top + 26}">{escape(title)}</text>')
        for number, bar in enumerate(bars):
            lines += drawn(top + TOP + ROW * number, *bar, longest)
        top += TOP + ROW * len(bars) + 12
    return "\n".join([*lines, "</svg>\n"])


def drawn(y, text, value, form, is_ours, longest):
    """One bar."""
    width = max(1, (WIDTH - TEXT - RIGHT) * value / longest)
    kind = "ours" if is_ours else "other"
    return [
        f'<text x="12" y="{y + 16}">{escape(text)}</text>',
        f'<rect class="{kind}" x="{TEXT}" y="{y + 2}" width="{width:.0f}" height="20"/>',
        f'<text x="{TEXT + width + 6:.0f}" y="{y + 17}">{form.format(value)}</text>',
    ]
