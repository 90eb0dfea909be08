"""What custody costs, measured: `make bench-custody`."""
