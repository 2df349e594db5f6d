"""All books of the library."""

import csv
import io

from .book import Book
from .paging import page_of, paginate
from .query import Query


class Result:
    """The books that a search found, in shelf order."""

    def __init__(self, books):
        self.books = sorted(books, key=Book.sort_key)

    def __len__(self):
        return len(self.books)

    def __iter__(self):
        return iter(self.books)

    def page(self, number, size=20):
        return page_of(self.books, number, size)

    def pages(self, size=20):
        return paginate(self.books, size)


class Catalogue:
    """The books, and what can be done with them."""

    def __init__(self, books=()):
        self.books = list(books)

    @classmethod
    def from_csv(cls, text):
        """Reads rows of title, author, year, shelf and, while a book is lent, its reader."""
        books = []
        for row in csv.reader(io.StringIO(text)):
            if not row:
                continue
            title, author, year, shelf = (cell.strip() for cell in row[:4])
            reader = row[4].strip() if len(row) > 4 else ""
            books.append(Book(title, author, int(year), shelf, reader or None))
        return cls(books)

    def __len__(self):
        return len(self.books)

    def add(self, book):
        self.books.append(book)

    def search(self, text=""):
        """The books that satisfy a query; all books for an empty one."""
        query = Query.parse(text)
        return Result(book for book in self.books if query.matches(book))

    def lend(self, title, reader):
        """Lend the first copy of a title that is in, and return it."""
        for book in self.books:
            if book.title == title and not book.is_lent:
                book.lent_to = reader
                return book
        raise LookupError("no copy is in: {}".format(title))

    def take_back(self, title, reader):
        """Take a copy back from its reader, and return it."""
        for book in self.books:
            if book.title == title and book.lent_to == reader:
                book.lent_to = None
                return book
        raise LookupError("{} has not lent {}".format(reader, title))

    def shelves(self):
        """How many books each shelf holds, by name of the shelf."""
        counts = {}
        for book in self.books:
            counts[book.shelf] = counts.get(book.shelf, 0) + 1
        return dict(sorted(counts.items()))
