"""The agent-graph language: parsing, validation, compilation, drawing."""
