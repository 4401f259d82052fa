"""What the engine says of a question, in words of ours: its own may hold values of the data.

Of its message only the kind is used, the line, and names that stand in the question itself or are columns' own.
"""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Collection

from vestry.governance.sql.statement import NotAsked

#: By the first words of the engine's message, which are the kind of the error.
_FAILED = {
    "Conversion": ("value", "a value cannot be converted to the type asked for", "TRY_CAST makes it NULL"),
    "Out of Memory": ("memory", "the answer needs more memory than a question may use", "ask for less"),
    "Invalid Input": ("value", "a function was given a value that it cannot take", "look at what its columns hold"),
    "Out of Range": ("value", "a number is out of range", "a wider type, such as DOUBLE or HUGEINT, may hold it"),
    "Permission": ("forbidden", "only the tables that you may read can be read here", ""),
    "IO": ("file", "a file of the data could not be read", "ask again; if it stays so, tell whoever runs Vestry"),
    "Not implemented": ("unknown", "the engine cannot do this", "write it another way"),
    "INTERRUPT": ("ended", "the question was ended", "ask again"),
}
_KIND = re.compile(r"(?:Invalid: )?([A-Za-z ]{2,20}?) Error: ")
#: What binding says, and what we say of it; the first group is a name.
_BINDING = (
    (r'Referenced column "(.+?)" not found', "there is no column `{}`", ""),
    (r'Referenced column "(.+?)" was not found', "there is no column `{}`", ""),
    (r'does not have a column named "(.+?)"', "there is no column `{}`", ""),
    (r'Referenced table "(.+?)" not found', "there is no table `{}` in the question", "name it in FROM"),
    (r'Ambiguous reference to column name "(.+?)"', "`{}` could be a column of several tables", "write table.column"),
    (r'column "(.+?)" must appear in the GROUP BY', "`{}` is neither grouped by nor counted", "add it to GROUP BY"),
    (r"Scalar Function with name (\S+?) does not exist", "there is no function `{}`", ""),
    (r"Function with name (\S+?) does not exist", "there is no function `{}`", ""),
    (r"name and argument types '(\w+)\(", "`{}` does not take columns of these types", "CAST them first"),
)  # fmt: skip


def explained(error: Exception, sql: str, names: Collection[str]) -> NotAsked:
    """The error for whoever asked; `names` are those of the tables and columns that they may read."""
    text = str(error)
    at = re.search(r"^LINE (\d+):", text, re.MULTILINE)
    line = int(at[1]) if at else 0
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return NotAsked("size", "the answer is larger than one may be", mend="ask for fewer rows or columns")
    kind = "Out of Memory" if isinstance(error, MemoryError) else found[1] if (found := _KIND.match(text)) else ""
    if kind in _FAILED:
        word, what, mend = _FAILED[kind]
        return NotAsked(word, what, line, mend)
    for pattern, what, mend in _BINDING:
        if (name := re.search(pattern, text)) and name[1].casefold() in sql.casefold():
            return NotAsked("names", what.format(name[1]), line, mend or _near(name[1], names))
    return NotAsked("types", "the question does not fit the tables: their columns' names or types", line, _LOOK)


_LOOK = "DESCRIBE shows a table's columns and their types"


def _near(word: str, names: Collection[str]) -> str:
    found = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=0.6)
    return f"did you mean `{found[0]}`?" if found else _LOOK
