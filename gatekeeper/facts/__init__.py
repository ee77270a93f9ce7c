"""What policies can see: tables of facts built from schemas and evidence."""
