"""What crosses the wire, and who holds which reading: MRC/1, metered register custody.

Pure: no socket, file, clock or chance in this package. Bytes, instants and random numbers are arguments.
"""
