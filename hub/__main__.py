"""`meter-hub`, also as `python -m hub`."""

import sys


def main() -> None:
    """Run the command line; where the hub's libraries are not installed, say in one sentence how to install them."""
    try:
        from hub.cli import main as run  # noqa: PLC0415 - the import is what may fail
    except ModuleNotFoundError as error:
        sys.exit(f"meter-hub: {error.name} is not installed here; install the hub with: pip install 'meterline[hub]'")
    run()


if __name__ == "__main__":
    main()
