"""The master data map: which systems hold the same things, without joining their tables.

`sketch.py` makes of every column a small sample of keyed hashes; `estimate.py` estimates from two of them how much of
one column is in the other; `shared.py` counts people and homes in the indexes; `systems.py` makes the map of it.
"""

from vestry.catalogue.overlap.systems import ColumnTie, DataMap, LiveMap, Retirable, SystemTie, data_map

__all__ = ["ColumnTie", "DataMap", "LiveMap", "Retirable", "SystemTie", "data_map"]
