"""Where migrations come from and how they are run."""
