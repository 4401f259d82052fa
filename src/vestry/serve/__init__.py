"""The doors: the portal for people, and what other programs read."""
