"""The catalogue as others read it: DCAT, the UK government's metadata model, SKOS, OpenLineage, ODPS.

`described.py` is the one view of the products that the standards share: whom to ask, how open, how often. Each other
module writes one standard. What a standard asks for and nobody has written down is added to `gaps`, as faults are:
an export says what it lacks, and is valid all the same. Only descriptions go out, never a value of the data.
"""

from vestry.catalogue.export.gaps import Gap, summed_up

__all__ = ["Gap", "summed_up"]
