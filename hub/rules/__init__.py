"""The rules of reporting as pure functions: no socket, file, clock, chance or log in this package.

Instants are UTC milliseconds, energy is whole Wh, months are in the regulator's zone.
"""
