"""Where each column comes from, and what breaks if it goes.

`sql.py` reads one SELECT, `recipes.py` every kind of recipe (and remembers), `graph.py` answers both ways,
`picture.py` draws.
"""
