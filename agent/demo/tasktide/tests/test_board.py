import unittest

from tasktide import Board, Task

TEXT = """\
# the week
- [ ] (A) file taxes +money due:2024-05-31
- [x] pay rent +money @home
- [ ] water plants @home
"""


class BoardTest(unittest.TestCase):
    def setUp(self):
        self.board = Board.from_text(TEXT)

    def test_reading_skips_remarks(self):
        self.assertEqual(len(self.board), 3)

    def test_find_ignores_case(self):
        self.assertEqual(self.board.find("Pay Rent").project, "money")
        self.assertIsNone(self.board.find("pay"))

    def test_questions(self):
        self.assertEqual(self.board.projects(), ["money"])
        self.assertEqual(len(self.board.in_project("money")), 2)
        self.assertEqual([task.title for task in self.board.tagged("home")], ["pay rent", "water plants"])

    def test_archive_takes_what_is_done(self):
        self.assertEqual([task.title for task in self.board.archive()], ["pay rent"])
        self.assertEqual([task.title for task in self.board], ["file taxes", "water plants"])
        self.assertEqual(self.board.archive(), [])

    def test_writing(self):
        board = Board()
        board.add(Task("read"))
        self.assertEqual(board.to_text(), "- [ ] read\n")


if __name__ == "__main__":
    unittest.main()
