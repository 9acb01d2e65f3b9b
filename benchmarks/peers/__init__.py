"""How each contestant is driven, and the environments that peers run in.

A `*_runner.py` runs in the interpreter of its contestant (`python -m`, from the root of the repository) and imports of
this package only what needs nothing but the standard library.
"""
