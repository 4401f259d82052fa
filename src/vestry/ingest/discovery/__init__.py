"""Looks at systems that nobody has described: what tables they have, and which columns speak of people.

`kinds` knows what columns may hold, by check digit, format and name. `profile` looks at one table, `systems` at a
database or the tables of a source, `drive` at a folder of files. `report` is what all of them give; `draft` writes
the source and a contract from it. Values are looked at and never kept.
"""
