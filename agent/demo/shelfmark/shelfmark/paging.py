"""Cutting a list into pages."""


class Page:
    """A part of a longer list. Pages are counted from 1."""

    def __init__(self, items, number, size, total):
        self.items = items
        self.number = number
        self.size = size
        self.total = total

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return iter(self.items)

    @property
    def first(self):
        """Position of the page's first item in the whole list, from 1; 0 when there is none."""
        if self.total == 0:
            return 0
        return (self.number - 1) * self.size + 1

    @property
    def last(self):
        """Position of the page's last item in the whole list."""
        return min(self.number * self.size, self.total)

    @property
    def has_previous(self):
        return self.number > 1

    @property
    def has_next(self):
        return self.number * self.size <= self.total


def page_of(items, number, size):
    """Page ``number`` of a list."""
    if size < 1:
        raise ValueError("a page holds at least one item")
    if number < 1:
        raise ValueError("pages are counted from 1")
    start = (number - 1) * size
    return Page(items[start:start + size], number, size, len(items))


def paginate(items, size):
    """All pages of a list, in order. An empty list is one empty page."""
    number = 1
    while True:
        page = page_of(items, number, size)
        yield page
        if not page.has_next:
            return
        number += 1
