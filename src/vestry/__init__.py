"""Vestry: a data platform for a council."""
