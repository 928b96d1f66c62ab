"""What a perfect submission holds: the layers, networks, data and training of the five handouts, written to be read."""
