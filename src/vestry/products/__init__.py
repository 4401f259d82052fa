"""Builds one product: builders, contract and quality, write-audit-publish.

A builder (found by its entry point in `vestry.builders`, named after the suffix of the
recipe) gives the rows of one table; `publish` audits them against the contract and lets
them be seen, or not.
"""
