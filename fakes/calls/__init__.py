"""Model calls: what is kept of each one, what can be asserted, what holds them back."""
