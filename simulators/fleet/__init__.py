"""A small believable fleet with years behind it, made by the hub's own services at instants that have passed."""
