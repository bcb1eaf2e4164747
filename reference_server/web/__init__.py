"""The HTTP side: who asks, what for, and what is refused."""
