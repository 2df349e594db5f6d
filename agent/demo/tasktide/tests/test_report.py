import unittest
from datetime import date, timedelta

from tasktide import Board, Priority, Task, digest, overdue, progress, upcoming
from tasktide.report import describe_delay

TODAY = date(2024, 3, 10)


def days(count):
    return TODAY + timedelta(days=count)


def titles(tasks):
    return [task.title for task in tasks]


class OverdueTest(unittest.TestCase):
    def test_yesterday_is_late_and_today_is_not(self):
        tasks = [Task("tomorrow", due=days(1)), Task("today", due=TODAY), Task("yesterday", due=days(-1))]
        self.assertEqual(titles(overdue(tasks, TODAY)), ["yesterday"])

    def test_what_is_done_is_not_late(self):
        self.assertEqual(overdue([Task("old", done=True, due=days(-9))], TODAY), [])

    def test_the_oldest_comes_first_then_the_most_important(self):
        tasks = [
            Task("b", due=days(-1)),
            Task("a", due=days(-1), priority=Priority.LOW),
            Task("c", due=days(-3), priority=Priority.LOW),
            Task("d", due=days(-1), priority=Priority.HIGH),
        ]
        self.assertEqual(titles(overdue(tasks, TODAY)), ["c", "d", "b", "a"])

    def test_a_task_without_a_date_is_never_late(self):
        tasks = [Task("old", due=days(-2)), Task("juggle"), Task("older", due=days(-5)), Task("new", due=days(2))]
        self.assertEqual(titles(overdue(tasks, TODAY)), ["older", "old"])
        self.assertEqual(overdue([Task("juggle")], TODAY), [])


class UpcomingTest(unittest.TestCase):
    def test_a_week_with_both_ends(self):
        tasks = [Task(str(count), due=days(count)) for count in (-1, 0, 7, 8)]
        self.assertEqual(titles(upcoming(tasks, TODAY)), ["0", "7"])

    def test_leaves_out_what_is_done_or_undated(self):
        self.assertEqual(upcoming([Task("a", done=True, due=TODAY), Task("b")], TODAY), [])


class ProgressTest(unittest.TestCase):
    def test_is_rounded_down(self):
        self.assertEqual(progress([Task("a", done=True), Task("b", done=True), Task("c")]), 66)

    def test_of_nothing_is_complete(self):
        self.assertEqual(progress([]), 100)


class DelayTest(unittest.TestCase):
    def test_in_words(self):
        for delay, words in ((0, "on time"), (1, "1 day late"), (13, "13 days late"), (14, "2 weeks late")):
            self.assertEqual(describe_delay(Task("a", due=days(-delay)), TODAY), words)


class DigestTest(unittest.TestCase):
    def test_of_dated_tasks(self):
        board = Board.from_text("pay rent +money due:2024-03-01\nbake +home due:2024-03-12\n- [x] dust +home due:2024-03-02\n")
        self.assertEqual(
            digest(board, TODAY),
            "2 tasks open, 1 overdue\n! pay rent (9 days late)\n  bake (due 2024-03-12)\nhome: 50%\nmoney: 0%",
        )

    def test_with_a_task_that_can_wait(self):
        board = Board.from_text("learn to juggle +fun\npay rent due:2024-03-01\n")
        self.assertEqual(digest(board, TODAY), "2 tasks open, 1 overdue\n! pay rent (9 days late)\nfun: 0%")

    def test_of_an_empty_board(self):
        self.assertEqual(digest(Board(), TODAY), "0 tasks open, 0 overdue")


if __name__ == "__main__":
    unittest.main()
