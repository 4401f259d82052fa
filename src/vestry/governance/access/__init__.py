"""The one gate: which columns and rows a reader sees, masked how, and the release that every door reads."""
