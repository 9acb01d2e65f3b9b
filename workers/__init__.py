"""The workers: what is done to a job once it is queued, and the loops that keep the queue moving."""
