"""Markdown tables."""


def table(head, rows):
    """A Markdown table; all columns but the first are figures."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def times(value):
    """A ratio."""
    return "–" if value is None else f"{value:.2f}"
