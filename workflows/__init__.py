"""The deterministic half: the graph language, the engine and the Temporal workflow that runs it."""
