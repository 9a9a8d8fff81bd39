"""The composition root: settings, connections, the worker process and the embedded server."""
