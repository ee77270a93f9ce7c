"""The throw-away PostgreSQL that migrations run on."""
