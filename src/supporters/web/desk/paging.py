"""The page of a list that an address asks for. Pure."""


def page_number(text: str, *, most: int) -> int:
    """From 1 to `most`; the first page for what is no number, and for one that nobody pages to."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    return min(max(int(text), 1), most) if is_number else 1
