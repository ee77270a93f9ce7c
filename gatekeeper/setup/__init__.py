"""The first five minutes: what is in a repository, does it run, and what is lacking."""
