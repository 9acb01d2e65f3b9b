"""Forced alignment: when each written word was said."""
