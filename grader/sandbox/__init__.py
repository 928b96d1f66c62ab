"""Where a submission's code runs: a warm parent, confined sessions, limits, and the GPU's share of them."""
