"""The model that a run calls: one client, one reader per provider."""
