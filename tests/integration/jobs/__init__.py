"""The life of jobs in a real database."""
