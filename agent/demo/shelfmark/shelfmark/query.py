"""The small language of searches."""

import operator
import re

YEAR = re.compile(r"^year(?P<sign><=|>=|<|>|=)(?P<year>\d+)$")
FIELD = re.compile(r"^(?P<name>[a-z]+):(?P<value>.*)$")
SIGNS = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class QueryError(ValueError):
    """A query that cannot be understood."""


def _author(value):
    return lambda book: value in book.author.casefold()


def _shelf(value):
    return lambda book: book.shelf.casefold() == value


def _lent(value):
    if value not in ("yes", "no"):
        raise QueryError("lent is yes or no, not {}".format(value))
    return lambda book: book.is_lent == (value == "yes")


def _year(sign, year):
    compare = SIGNS[sign]
    return lambda book: compare(book.year, year)


def _word(word):
    return lambda book: word in book.words()


FIELDS = {"author": _author, "shelf": _shelf, "lent": _lent}


class Query:
    """A list of conditions that a book must satisfy together."""

    def __init__(self, conditions):
        self.conditions = list(conditions)

    @classmethod
    def parse(cls, text):
        conditions = []
        for term in text.casefold().split():
            year = YEAR.match(term)
            field = FIELD.match(term)
            if year:
                conditions.append(_year(year.group("sign"), int(year.group("year"))))
            elif field:
                name, value = field.group("name"), field.group("value")
                if name not in FIELDS:
                    raise QueryError("no such filter: {}".format(name))
                if not value:
                    raise QueryError("{} needs a value".format(name))
                conditions.append(FIELDS[name](value))
            else:
                conditions.append(_word(term))
        return cls(conditions)

    def matches(self, book):
        return all(condition(book) for condition in self.conditions)
