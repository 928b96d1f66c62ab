"""Many submissions: in parallel on this machine, or on the nodes of a cluster."""
