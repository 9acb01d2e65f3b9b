"""Webhooks, from an event in a real database to a receiver on the loopback."""
