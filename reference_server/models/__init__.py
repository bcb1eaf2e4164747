"""The model that a run calls: one client, one module per wire format of a service."""
