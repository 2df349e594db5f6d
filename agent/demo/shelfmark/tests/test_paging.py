import unittest

from shelfmark import paginate
from shelfmark.paging import page_of


def numbers(count):
    return list(range(1, count + 1))


def cut(count, size):
    return [list(page) for page in paginate(numbers(count), size)]


class PageTest(unittest.TestCase):
    def test_a_page_in_the_middle(self):
        page = page_of(numbers(50), 2, 20)
        self.assertEqual(list(page), list(range(21, 41)))
        self.assertEqual((page.first, page.last, len(page)), (21, 40, 20))
        self.assertTrue(page.has_previous)
        self.assertTrue(page.has_next)

    def test_the_first_page_has_no_previous(self):
        page = page_of(numbers(50), 1, 20)
        self.assertFalse(page.has_previous)
        self.assertTrue(page.has_next)

    def test_a_last_page_that_is_not_full(self):
        page = page_of(numbers(50), 3, 20)
        self.assertEqual((page.first, page.last, len(page)), (41, 50, 10))
        self.assertFalse(page.has_next)

    def test_a_last_page_that_is_full(self):
        page = page_of(numbers(60), 3, 20)
        self.assertEqual((page.first, page.last, len(page)), (41, 60, 20))
        self.assertFalse(page.has_next)

    def test_one_item_more_opens_another_page(self):
        self.assertTrue(page_of(numbers(61), 3, 20).has_next)
        self.assertFalse(page_of(numbers(61), 4, 20).has_next)

    def test_of_an_empty_list(self):
        page = page_of([], 1, 20)
        self.assertEqual((page.first, page.last, len(page)), (0, 0, 0))
        self.assertFalse(page.has_next)

    def test_nonsense_is_refused(self):
        for number, size in ((0, 20), (-1, 20), (1, 0)):
            with self.assertRaises(ValueError):
                page_of(numbers(3), number, size)


class PaginateTest(unittest.TestCase):
    def test_with_a_rest(self):
        self.assertEqual(cut(5, 2), [[1, 2], [3, 4], [5]])

    def test_without_a_rest(self):
        self.assertEqual(cut(4, 2), [[1, 2], [3, 4]])
        self.assertEqual(cut(2, 2), [[1, 2]])

    def test_single_items(self):
        self.assertEqual(cut(3, 1), [[1], [2], [3]])

    def test_a_list_shorter_than_a_page(self):
        self.assertEqual(cut(1, 20), [[1]])

    def test_an_empty_list_is_one_empty_page(self):
        self.assertEqual(cut(0, 20), [[]])


if __name__ == "__main__":
    unittest.main()
