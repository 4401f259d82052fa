"""Master data: people (citizen index, golden record, households) and places (UPRN, addresses).

Each is a builder, found by the suffix of its recipe: `<table>.match.yaml` says which product tables
hold people and how they are compared, `<table>.uprn.yaml` which hold addresses.
"""
