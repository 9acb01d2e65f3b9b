"""The whole system on one machine without Docker: real Postgres, Valkey and SeaweedFS, and whoever supervises them."""
