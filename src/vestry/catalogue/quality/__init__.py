"""Whether data is any good: the six dimensions of the Government Data Quality Framework, and what lies behind them.

`results.py` reads what every rule said at every audit; `scores.py` makes the dimensions of that; `failing.py` shows
rows that break a rule, masked, and counts what was set aside; `meaning.py` says in sentences what that means for who
uses the data. What is missing, and whom that hides, is in `vestry.catalogue.missing`, a part of a table's profile.
"""
