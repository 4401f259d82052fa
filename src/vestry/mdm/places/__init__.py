"""Places: the UPRN of an address as somebody wrote it, and the address of a home as somebody types it.

`builder` makes the table of a `<table>.uprn.yaml`: every address that the council's tables hold as text, matched to
the gazetteer. `decisions` is what people decide where the model is not certain. `search` finds an address as it is
typed.
"""
