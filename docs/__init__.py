"""Pages for people. `docs.reference` makes those that follow from the code."""
