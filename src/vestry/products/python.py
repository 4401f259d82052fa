"""A table made by a Python function of its inputs."""

from __future__ import annotations

import runpy
import traceback
from pathlib import Path

import duckdb

from vestry.products.builder import Context, Making
from vestry.project import DataError, TableName, VestryError

_RESULT = "python_result"


class PythonBuilder:
    """`<table>.py`: `INPUTS` names the tables, and `build` takes each as a DuckDB relation.

    It returns a relation, an Arrow table or reader, or a pandas or Polars frame.
    """

    def make(self, context: Context) -> Making:
        module = runpy.run_path(str(context.table.recipe), run_name=f"vestry.recipe.{context.table.name}")
        try:
            function, names = module["build"], module["INPUTS"]
        except KeyError as error:
            raise VestryError(
                f"the recipe defines no `{error.args[0]}`", context.where, "it needs INPUTS = {…} and def build(…)"
            ) from error
        inputs = {key: context.con.sql(f"SELECT * FROM {TableName.parse(name)}") for key, name in names.items()}
        try:
            made = function(**inputs)
            if isinstance(made, duckdb.DuckDBPyRelation):
                made = made.to_arrow_table()
            context.con.register(_RESULT, made)
        except Exception as error:
            raise DataError(
                f"`build` failed with {type(error).__name__}", f"{context.where}:{_line(error, context.table.recipe)}"
            ) from error
        return Making(f"SELECT * FROM {_RESULT}")


def _line(error: BaseException, file: Path) -> int:
    """The recipe's own line in the traceback; the message may hold data and is not shown."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
    return frames[-1].lineno or 1 if frames else 1
