"""One linear history of the schema, forward only."""
