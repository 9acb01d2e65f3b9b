"""Webhooks: signed events for those who wait for a result, by the Standard Webhooks rules."""
