"""The life of a job, all of it in Postgres."""
