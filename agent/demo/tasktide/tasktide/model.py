"""What a task is."""

import enum


class Priority(enum.IntEnum):
    """How much a task matters; smaller sorts first."""

    HIGH = 1
    NORMAL = 2
    LOW = 3

    @classmethod
    def from_letter(cls, letter):
        """The priority written as A, B or C."""
        letters = {"A": cls.HIGH, "B": cls.NORMAL, "C": cls.LOW}
        if letter not in letters:
            raise ValueError("unknown priority: {}".format(letter))
        return letters[letter]

    @property
    def letter(self):
        return "ABC"[self.value - 1]


class Task:
    """One thing to do. ``due`` is a date, or None for a task that can wait."""

    def __init__(self, title, done=False, priority=Priority.NORMAL, project=None, due=None, tags=()):
        self.title = title
        self.done = done
        self.priority = priority
        self.project = project
        self.due = due
        self.tags = frozenset(tags)

    def __eq__(self, other):
        if not isinstance(other, Task):
            return NotImplemented
        return self.to_line() == other.to_line()

    def __hash__(self):
        return hash(self.to_line())

    def __repr__(self):
        return "Task({!r})".format(self.to_line())

    def finish(self):
        """Mark the task as done; finishing twice changes nothing."""
        self.done = True

    def to_line(self):
        """The task as a line of the task file."""
        parts = ["- [x]" if self.done else "- [ ]"]
        if self.priority != Priority.NORMAL:
            parts.append("({})".format(self.priority.letter))
        parts.append(self.title)
        if self.project is not None:
            parts.append("+" + self.project)
        if self.due is not None:
            parts.append("due:" + self.due.isoformat())
        parts.extend("@" + tag for tag in sorted(self.tags))
        return " ".join(parts)
