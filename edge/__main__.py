"""`meter-edge`, also as `python -m edge`."""

import sys


def main() -> None:
    """Run the command line; where the edge's libraries are not installed, say in one sentence how to install them."""
    try:
        from edge.cli import main as run  # noqa: PLC0415 - the import is what may fail
    except ModuleNotFoundError as error:
        sys.exit(
            f"meter-edge: {error.name} is not installed here; install the agent with: pip install 'meterline[edge]'"
        )
    run()


if __name__ == "__main__":
    main()
