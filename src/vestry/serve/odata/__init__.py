"""OData v4, read only: what Excel and Power BI open without a driver.

`app.py` has the addresses, `model.py` the entity sets and their `$metadata`, `options.py` the system query options,
`filters.py` the language of `$filter`, `sent.py` the pages of rows.
"""
