"""The information asset register and the record of Article 30, made from contracts, sources and the lake.

`register_of` makes the whole; `gaps.py` says what it lacks; `sheet.py` writes it as CSV and as a page to print.
"""

from vestry.catalogue.register.assets import Asset, Controller
from vestry.catalogue.register.gaps import Gap
from vestry.catalogue.register.register import Register, register_of

__all__ = ["Asset", "Controller", "Gap", "Register", "register_of"]
