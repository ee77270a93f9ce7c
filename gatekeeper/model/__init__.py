"""What a schema, a change and a piece of evidence are; imports the standard library only."""
