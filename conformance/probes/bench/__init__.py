"""What probes work with: exchanges, credentials, the control API, bounds in time."""
