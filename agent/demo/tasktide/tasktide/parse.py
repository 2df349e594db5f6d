"""Reading tasks from text."""

import re
from datetime import datetime

from .model import Priority, Task

BOX = re.compile(r"^- \[(?P<mark>[ xX])\] *")
PRIORITY = re.compile(r"^\((?P<letter>[A-Z])\) +")


class ParseError(ValueError):
    """A line that is no task; carries the line number when it is known."""

    def __init__(self, message, number=None):
        where = "" if number is None else "line {}: ".format(number)
        super().__init__(where + message)
        self.number = number


def parse_date(text):
    """The date written as YYYY-MM-DD."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise ParseError("not a date: {}".format(text))


def parse_line(line):
    """The task written in one line."""
    done = False
    rest = line.strip()
    box = BOX.match(rest)
    if box:
        done = box.group("mark") != " "
        rest = rest[box.end():]

    priority = Priority.NORMAL
    marked = PRIORITY.match(rest)
    if marked:
        try:
            priority = Priority.from_letter(marked.group("letter"))
        except ValueError as error:
            raise ParseError(str(error))
        rest = rest[marked.end():]

    title, project, due, tags = [], None, None, []
    for word in rest.split():
        if word.startswith("+") and len(word) > 1:
            project = word[1:]
        elif word.startswith("@") and len(word) > 1:
            tags.append(word[1:])
        elif word.startswith("due:"):
            due = parse_date(word[len("due:"):])
        else:
            title.append(word)
    if not title:
        raise ParseError("a task needs a title")
    return Task(" ".join(title), done, priority, project, due, tags)


def parse_text(text):
    """All tasks of a file; blank lines and lines starting with # are skipped."""
    tasks = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            tasks.append(parse_line(stripped))
        except ParseError as error:
            raise ParseError(str(error), number)
    return tasks
