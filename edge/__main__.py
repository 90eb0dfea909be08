"""`python -m edge` is `meter-edge`."""

from edge.cli import main

main()
