"""The one way out: every HTTP request to an address that a user has named goes through `client.py`."""
