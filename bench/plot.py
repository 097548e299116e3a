"""The picture: what each filter adds to a request, native jwt_authn being 1."""

from xml.sax.saxutils import escape

REFERENCE = "jwt_authn, new"
BARS = (
    ("no-op, all exports", "a Rust filter that does nothing"),
    ("jwt_authn cached, repeated", "native jwt_authn, its cache on, one token repeated"),
    ("ours, repeated", "alb-authn, one token repeated"),
    ("lua", "inline Lua that decodes and verifies nothing"),
    ("jwt_authn, new", "native jwt_authn, each token new"),
    ("ours, new", "alb-authn, each token new"),
)
WIDTH, ROW, TEXT, RIGHT, TOP = 760, 30, 340, 60, 46
STYLE = (
    "text{font:13px sans-serif;fill:#24292f}.t{font-weight:bold}.ours{fill:#2563eb}.other{fill:#9aa4b2}"
)


def svg(run):
    """An SVG document."""
    base = run["cases"][REFERENCE]["added_min"]
    shown = [
        (name, text, run["cases"][name]["added_min"] / base)
        for name, text in BARS
        if name in run["cases"]
    ]
    longest = max(value for *_, value in shown)
    height = TOP + ROW * len(shown) + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text class="t" x="12" y="26">CPU time added to a request (native jwt_authn = 1)</text>',
    ]
    for number, (name, text, value) in enumerate(shown):
        y = TOP + ROW * number
        width = max(1, (WIDTH - TEXT - RIGHT) * value / longest)
        kind = "ours" if name.startswith("ours") else "other"
        lines += [
            f'<text x="12" y="{y + 16}">{escape(text)}</text>',
            f'<rect class="{kind}" x="{TEXT}" y="{y + 2}" width="{width:.0f}" height="20"/>',
            f'<text x="{TEXT + width + 6:.0f}" y="{y + 17}">{value:.2f}</text>',
        ]
    return "\n".join([*lines, "</svg>\n"])
