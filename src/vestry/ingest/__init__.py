"""Connectors: systems of record → rows → bronze.

A connector (one module here, found by its entry point in `vestry.connectors`) says
whether a source table has something new and gives it as `Part`s. `load` does the rest,
the same for all: it stages the parts, keeps what could not be read in `__rejected`,
and publishes in one commit that carries the cursor.
"""
