"""Policies as code: Cedar, those that come with Vestry and those of the council's `policies/`."""
