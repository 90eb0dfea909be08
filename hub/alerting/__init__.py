"""What an operator is told of, and for how long: rules, the life of an alert, and what mutes it; without I/O."""
