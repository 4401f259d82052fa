"""Rows of one table for whoever may read it: the question, the engine that answers it, and the forms it goes out in.

REST, OData and the Python client ask here, and nothing else of theirs reaches data. `query.py` is the question as a
value, `conditions.py` its SQL, `answer.py` asks the gate, then the locked engine of `engine.py`, and writes the audit's
line before a row leaves; `encode.py` makes bytes of it.
"""
