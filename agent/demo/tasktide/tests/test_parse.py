import unittest
from datetime import date

from tasktide import Board, ParseError, Priority, Task, parse_line


class ParseLineTest(unittest.TestCase):
    def test_a_bare_title(self):
        task = parse_line("learn to juggle")
        self.assertEqual(task.title, "learn to juggle")
        self.assertFalse(task.done)
        self.assertEqual(task.priority, Priority.NORMAL)
        self.assertIsNone(task.due)
        self.assertIsNone(task.project)

    def test_everything_at_once(self):
        task = parse_line("- [x] (A) renew passport +home due:2024-03-01 @errand @town")
        self.assertEqual(task.title, "renew passport")
        self.assertTrue(task.done)
        self.assertEqual(task.priority, Priority.HIGH)
        self.assertEqual(task.project, "home")
        self.assertEqual(task.due, date(2024, 3, 1))
        self.assertEqual(task.tags, {"errand", "town"})

    def test_lines_survive_a_round_trip(self):
        for line in (
            "- [ ] water plants",
            "- [x] (C) sort photos +home",
            "- [ ] (A) file taxes +money due:2024-05-31 @paper @town",
        ):
            self.assertEqual(parse_line(line).to_line(), line)

    def test_a_lone_sign_belongs_to_the_title(self):
        self.assertEqual(parse_line("add a + to the logo").title, "add a + to the logo")

    def test_what_is_no_task_is_refused(self):
        for line in ("- [ ]", "+home", "(Z) sleep", "call due:tomorrow", "call due:2024-02-30"):
            with self.assertRaises(ParseError):
                parse_line(line)

    def test_errors_name_the_line(self):
        with self.assertRaises(ParseError) as caught:
            Board.from_text("# mine\n\nread\n- [ ]\n")
        self.assertEqual(caught.exception.number, 4)
        self.assertEqual(str(caught.exception), "line 4: a task needs a title")


class TaskTest(unittest.TestCase):
    def test_tasks_with_the_same_line_are_equal(self):
        self.assertEqual(Task("read", tags=["a", "b"]), parse_line("read @b @a"))
        self.assertNotEqual(Task("read"), Task("write"))

    def test_finish(self):
        task = Task("read")
        task.finish()
        task.finish()
        self.assertEqual(task.to_line(), "- [x] read")


if __name__ == "__main__":
    unittest.main()
