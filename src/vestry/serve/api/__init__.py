"""REST: the tables that somebody may read, and their rows as JSON, CSV, Parquet and Arrow.

`app.py` has the addresses, `asked.py` makes questions of what was sent, `sent.py` answers of rows, `described.py` what
is told of products and tables, `schema.py` the OpenAPI document.
"""
