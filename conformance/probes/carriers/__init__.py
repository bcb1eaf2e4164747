"""How bytes travel between a probe and its target."""
