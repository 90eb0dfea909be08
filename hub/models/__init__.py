"""What the hub says in JSON: one shape for the API and for `--json` of the command line."""
