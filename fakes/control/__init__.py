"""The control API, on both ends: what a test asks the fakes, and how it is answered."""
