"""Recordings: how they come in, where they stand, and how they go."""
