"""The catalogue of a small lending library."""

from .book import Book
from .catalogue import Catalogue, Result
from .paging import Page, paginate
from .query import Query, QueryError
from .render import show

__all__ = ["Book", "Catalogue", "Page", "Query", "QueryError", "Result", "paginate", "show"]
