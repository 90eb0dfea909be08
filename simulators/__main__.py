"""`python -m simulators` is `meter-sim`."""

from simulators.cli import main

main()
