"""`make bench-gpu`: what a GPU makes of it, and whether a CPU can feed it."""
