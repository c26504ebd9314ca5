"""Configuration, data, assignment, losses, the loop, validation and publishing."""
