"""Reads a council's folder into typed objects; errors name file, line and cure.

Start at `load_project`. `TableName` is how every table is named everywhere, and
`VestryError` is the one family of errors that people see.
"""

from vestry.project.errors import DataError, Fault, ProjectError, VestryError
from vestry.project.names import TableName, literal, quote
from vestry.project.project import Product, ProductTable, Project, Source, load_project

__all__ = [
    "DataError",
    "Fault",
    "Product",
    "ProductTable",
    "Project",
    "ProjectError",
    "Source",
    "TableName",
    "VestryError",
    "literal",
    "load_project",
    "quote",
]
