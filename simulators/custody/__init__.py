"""The custody simulation: one device (and its clones), a broker and a hub under one seed and one virtual clock.

Real: the wire, the edge's journal and custody desk, the hub's services and tables (SQLite in memory), every signature
and every byte. Simulated: meters, network, crashes, storage that is lost. What must hold is in `invariants.py`.
"""
