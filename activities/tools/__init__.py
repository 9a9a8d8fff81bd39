"""Built-in tools, their declaration and their confinement."""
