"""What the service costs beside the work that it is there for: `make bench-service`."""
