"""The wire: frozen models that the CLI, the worker and the activities share."""
