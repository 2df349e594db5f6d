"""A task list kept in one plain text file."""

from .board import Board
from .model import Priority, Task
from .parse import ParseError, parse_line
from .report import digest, overdue, progress, upcoming

__all__ = [
    "Board",
    "ParseError",
    "Priority",
    "Task",
    "digest",
    "overdue",
    "parse_line",
    "progress",
    "upcoming",
]
