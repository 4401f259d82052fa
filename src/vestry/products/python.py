"""A table made by a Python function of its inputs."""

from __future__ import annotations

import runpy
import traceback
from pathlib import Path

import duckdb
import pyarrow as pa

from vestry.lake import quoted
from vestry.products.builder import Context, Making
from vestry.project import DataError, TableName, VestryError

_RESULT = "python_result"


class PythonBuilder:
    """`<table>.py`: `INPUTS` names the tables, and `build` takes each as a DuckDB relation.

    It returns a relation, an Arrow table or reader, or a pandas or Polars frame.
    """

    def make(self, context: Context) -> Making:
        recipe = context.table.recipe
        try:
            module = runpy.run_path(str(recipe), run_name=f"vestry.recipe.{context.table.name}")
        except Exception as error:
            line = error.lineno if isinstance(error, SyntaxError) else _line(error, recipe)
            what = f"the recipe cannot be read: {type(error).__name__}"
            raise DataError(what, f"{context.where}:{line or 1}") from error
        try:
            function, names = module["build"], module["INPUTS"]
        except KeyError as error:
            raise VestryError(
                f"the recipe defines no `{error.args[0]}`", context.where, "it needs INPUTS = {…} and def build(…)"
            ) from error
        inputs = {key: context.con.sql(f"SELECT * FROM {quoted(TableName.parse(name))}") for key, name in names.items()}
        try:
            made = function(**inputs)
            if isinstance(made, duckdb.DuckDBPyRelation):
                made = made.to_arrow_table()
            elif isinstance(made, pa.RecordBatchReader):  # it can be read once, and is asked for its columns first
                made = made.read_all()
        except Exception as error:
            what = f"`build` failed with {type(error).__name__}"
            raise DataError(what, f"{context.where}:{_line(error, recipe)}") from error
        try:
            context.con.register(_RESULT, made)
        except duckdb.Error as error:
            what = f"`build` gave {type(made).__name__}, which is no table"
            raise DataError(what, context.where, "return a relation, an Arrow table or a data frame") from error
        return Making(f"SELECT * FROM {_RESULT}")


def _line(error: BaseException, file: Path) -> int:
    """The recipe's own line in the traceback; the message may hold data and is not shown."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
    return frames[-1].lineno or 1 if frames else 1
