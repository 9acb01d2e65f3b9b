"""The search for the likeliest text on a CPU: chunks of any length side by side, no more guesses than are worth it.

`Beam` says which texts of a chunk are followed, the network's decoder what may come next, `TextSearch` brings them
together.
"""
