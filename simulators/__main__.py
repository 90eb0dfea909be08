"""`meter-sim`, also as `python -m simulators`."""

import sys


def main() -> None:
    """Run the command line; where its libraries are not installed, say in one sentence how to install them."""
    try:
        from simulators.cli import main as run  # noqa: PLC0415 - the import is what may fail
    except ModuleNotFoundError as error:
        sys.exit(f"meter-sim: {error.name} is not installed here; install it with: pip install 'meterline[sim]'")
    run()


if __name__ == "__main__":
    main()
