"""Tests of Westmarsh."""
