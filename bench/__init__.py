"""What Vestry costs beside the raw engine: ratios in one run, each work in a process of its own."""
