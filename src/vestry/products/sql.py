"""A table made by one SELECT."""

from __future__ import annotations

import duckdb

from vestry.products.builder import Context, Making
from vestry.project import DataError
from vestry.project.inputs import recipe_text


class SqlBuilder:
    """`<table>.sql`: the file is the SELECT."""

    def make(self, context: Context) -> Making:
        sql = statement(recipe_text(context.table))
        try:
            context.con.execute(f"DESCRIBE {sql}")
        except duckdb.Error as error:
            raise DataError(*explained(error, context.where)) from error
        return Making(sql)


def statement(text: str) -> str:
    """The text without the `;` at its end; a comment after it ends with its line, so that it can stand in brackets."""
    content = bytearray(text.encode())
    for at, _ in reversed(duckdb.tokenize(text)):
        if content[at : at + 1] != b";":
            break
        content[at : at + 1] = b" "
    return content.decode() + "\n"


def explained(error: duckdb.Error, file: str) -> tuple[str, str, str]:
    """What DuckDB says of SQL, where, and the nearest names it offers: of the code, never of the data."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    head = lines[0].split(": ", 1)[-1] if lines else "the SQL failed"
    mend = " ".join(line.strip() for line in lines[1:] if "andidate" in line or "Did you mean" in line)
    at = next((line for line in lines if line.startswith("LINE ")), "")
    number = at.removeprefix("LINE ").split(":", 1)[0]
    return head, f"{file}:{number}" if number.isdigit() else file, mend
