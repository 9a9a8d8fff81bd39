"""The sans-I/O state machine: events in, commands out."""
