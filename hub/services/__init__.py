"""Use cases, one verb per file: load, let the rules or the protocol decide, save. All writing to the store is here."""
