"""How answers look, as text and as JSON."""
