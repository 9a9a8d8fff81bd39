"""The policy layer: may this call happen, answered as a total function over data."""
