"""A book and how it is ordered among others."""

ARTICLES = ("a ", "an ", "the ")


class Book:
    """One copy on the shelves. ``lent_to`` is None while it is in."""

    def __init__(self, title, author, year, shelf, lent_to=None):
        self.title = title
        self.author = author
        self.year = year
        self.shelf = shelf
        self.lent_to = lent_to

    def __repr__(self):
        return "Book({!r}, {!r}, {!r}, {!r})".format(self.title, self.author, self.year, self.shelf)

    @property
    def is_lent(self):
        return self.lent_to is not None

    @property
    def surname(self):
        """The last word of the author's name."""
        words = self.author.split()
        return words[-1] if words else ""

    def sort_title(self):
        """The title as libraries order it: lower case, without a leading article."""
        title = self.title.casefold()
        for article in ARTICLES:
            if title.startswith(article):
                return title[len(article):]
        return title

    def sort_key(self):
        return (self.surname.casefold(), self.sort_title(), self.year)

    def words(self):
        """Everything a plain search word is compared with."""
        return "{} {}".format(self.title, self.author).casefold()
