"""Real servers that tests start for themselves, on the loopback address, and stop again."""
