import unittest

from shelfmark import Book, Catalogue, show
from shelfmark.render import line, shorten


def library(count):
    return Catalogue(Book("Volume {:02}".format(number), "N. N.", 1900, "attic") for number in range(count))


class RenderTest(unittest.TestCase):
    def test_shorten(self):
        self.assertEqual(shorten("abc", 3), "abc")
        self.assertEqual(shorten("abcd", 3), "ab…")
        self.assertEqual(shorten("ab cd", 4), "ab…")

    def test_lent_books_are_marked(self):
        self.assertEqual(line(Book("Cosmos", "Carl Sagan", 1980, "science")), "  Carl Sagan: Cosmos (1980)")
        self.assertEqual(line(Book("Cosmos", "Carl Sagan", 1980, "science", "tom")), "* Carl Sagan: Cosmos (1980)")

    def test_an_empty_catalogue(self):
        self.assertEqual(show(library(0).search().page(1)), "No books")

    def test_a_short_catalogue(self):
        self.assertEqual(show(library(1).search().page(1)), "Books 1-1 of 1\n  N. N.: Volume 00 (1900)")

    def test_the_printed_catalogue(self):
        sheets = [show(page).splitlines() for page in library(57).search().pages()]
        self.assertEqual([sheet[0] for sheet in sheets], ["Books 1-20 of 57", "Books 21-40 of 57", "Books 41-57 of 57"])
        self.assertEqual(sheets[0][-1], "more on page 2")
        self.assertEqual(sheets[2][-1], "  N. N.: Volume 56 (1900)")

    def test_the_printed_catalogue_when_the_last_sheet_is_full(self):
        sheets = [show(page).splitlines() for page in library(60).search().pages()]
        self.assertEqual([sheet[0] for sheet in sheets], ["Books 1-20 of 60", "Books 21-40 of 60", "Books 41-60 of 60"])
        self.assertEqual(sheets[2][-1], "  N. N.: Volume 59 (1900)")


if __name__ == "__main__":
    unittest.main()
