"""Pages as text."""


def shorten(text, width):
    """The text, cut to a width with an ellipsis where something was left out."""
    if len(text) <= width:
        return text
    return text[:width - 1].rstrip() + "…"


def line(book, width=60):
    """One line for one book."""
    mark = "*" if book.is_lent else " "
    return "{} {}".format(mark, shorten("{}: {} ({})".format(book.author, book.title, book.year), width))


def heading(page):
    if page.total == 0:
        return "No books"
    return "Books {}-{} of {}".format(page.first, page.last, page.total)


def show(page):
    """A page for the printer."""
    lines = [heading(page)]
    lines.extend(line(book) for book in page)
    if page.has_next:
        lines.append("more on page {}".format(page.number + 1))
    return "\n".join(lines)
