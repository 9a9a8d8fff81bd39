"""Written in 1998 for café tills."""
