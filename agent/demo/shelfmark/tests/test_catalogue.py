import unittest

from shelfmark import Book, Catalogue, QueryError

BOOKS = """\
The Left Hand of Darkness, Ursula K. Le Guin, 1969, fiction
A Wizard of Earthsea, Ursula K. Le Guin, 1968, fiction, mira
Cosmos, Carl Sagan, 1980, science

The Selfish Gene, Richard Dawkins, 1976, science
"""


def titles(result):
    return [book.title for book in result]


class SearchTest(unittest.TestCase):
    def setUp(self):
        self.catalogue = Catalogue.from_csv(BOOKS)

    def test_an_empty_query_finds_all_in_shelf_order(self):
        self.assertEqual(
            titles(self.catalogue.search()),
            ["The Selfish Gene", "The Left Hand of Darkness", "A Wizard of Earthsea", "Cosmos"],
        )

    def test_words_are_found_in_title_and_author(self):
        self.assertEqual(titles(self.catalogue.search("GENE")), ["The Selfish Gene"])
        self.assertEqual(titles(self.catalogue.search("sagan cosmos")), ["Cosmos"])
        self.assertEqual(titles(self.catalogue.search("sagan gene")), [])

    def test_filters(self):
        for query, found in (
            ("author:guin lent:no", ["The Left Hand of Darkness"]),
            ("shelf:science", ["The Selfish Gene", "Cosmos"]),
            ("lent:yes", ["A Wizard of Earthsea"]),
            ("year=1980", ["Cosmos"]),
            ("year<1969", ["A Wizard of Earthsea"]),
            ("year<=1969", ["The Left Hand of Darkness", "A Wizard of Earthsea"]),
            ("year>1976", ["Cosmos"]),
            ("year>=1976", ["The Selfish Gene", "Cosmos"]),
        ):
            self.assertEqual(titles(self.catalogue.search(query)), found, query)

    def test_what_cannot_be_understood(self):
        for query in ("colour:red", "lent:maybe", "author:"):
            with self.assertRaises(QueryError):
                self.catalogue.search(query)

    def test_pages_of_a_result(self):
        result = self.catalogue.search()
        self.assertEqual([len(page) for page in result.pages(size=3)], [3, 1])
        self.assertEqual([len(page) for page in result.pages(size=2)], [2, 2])
        self.assertEqual(titles(result.page(2, size=3)), ["Cosmos"])


class LendingTest(unittest.TestCase):
    def setUp(self):
        self.catalogue = Catalogue.from_csv(BOOKS)

    def test_lending_and_taking_back(self):
        self.assertEqual(self.catalogue.lend("Cosmos", "tom").lent_to, "tom")
        with self.assertRaises(LookupError):
            self.catalogue.lend("Cosmos", "mira")
        self.assertFalse(self.catalogue.take_back("Cosmos", "tom").is_lent)
        with self.assertRaises(LookupError):
            self.catalogue.take_back("Cosmos", "tom")

    def test_a_second_copy(self):
        self.catalogue.add(Book("Cosmos", "Carl Sagan", 1980, "science"))
        self.catalogue.lend("Cosmos", "tom")
        self.catalogue.lend("Cosmos", "mira")
        self.assertEqual(len(self.catalogue.search("cosmos lent:yes")), 2)

    def test_shelves(self):
        self.assertEqual(self.catalogue.shelves(), {"fiction": 2, "science": 2})


if __name__ == "__main__":
    unittest.main()
