"""Edits of a text that are tried together, where each try takes long."""


def edited(text: str, edits: list[tuple[str, str]]) -> str:
    """A text with each old part replaced everywhere, in the order of the edits."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


def together(text: str, rows: dict[str, list[tuple[str, str]]]) -> dict[str, str]:
    """The texts with the edits of as many rows as possible, by the titles of these, one a line.

    Rows are in one text if each finds all there that it replaces in the given one.
    """
    made: list[tuple[str, list[str]]] = []
    for title, edits in rows.items():
        for number, (one, titles) in enumerate(made):
            if _counts(one, edits) == _counts(text, edits):
                made[number] = edited(one, edits), [*titles, title]
                break
        else:
            made.append((edited(text, edits), [title]))
    return {"\n".join(titles): one for one, titles in made}


def _counts(text: str, edits: list[tuple[str, str]]) -> list[int]:
    """How often each edit finds what it replaces."""
    found = []
    for old, new in edits:
        found.append(text.count(old))
        text = text.replace(old, new)
    return found
