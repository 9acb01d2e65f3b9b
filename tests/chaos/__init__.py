"""Faults on purpose: real servers and workers, killed, stopped and emptied while they work; then the books are checked.

`python -m tests.chaos --help` says how to run it at any size. Stages are stood in for by seeded sleeps.
"""
