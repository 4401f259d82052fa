"""How good a product is: what its rules said, over time, which rows break them, and what is missing of whom."""
