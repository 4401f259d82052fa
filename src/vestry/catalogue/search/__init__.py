"""One search over everything that the catalogue knows.

`document.py` is what is searched, `content.py` makes it of a catalogue, `index.py` keeps it by change, `query.py` asks.
"""
