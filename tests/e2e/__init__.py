"""The whole service, from the outside."""
