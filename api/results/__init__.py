"""What a job gave: rows for SQL, files for everyone else."""
