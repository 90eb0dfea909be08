"""The hub's memory: SQL through SQLAlchemy Core. Rows become frozen values at this package's edge.

`database` opens it, `schema` names the tables, `migrations` make them. The other modules are queries by subject; each
takes the connection of the caller's transaction.
"""
