"""Everything that touches the world, one effect each."""
