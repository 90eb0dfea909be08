"""The field simulation: a year of one device and its meters under every fault, read by the real agent in virtual time.

Real: the agent with its cycle, buses, profiles, clock and journal (SQLite on a file), every signature and every byte.
Simulated: time, sun, meters, lines, adapters, the machine, and a hub that is never reached. What must hold is in
`invariants.py`, and is judged by what stands in the journal's blocks alone beside the simulators' own truth.
"""
