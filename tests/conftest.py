"""What holds for every test: Hypothesis looks for the same examples each time.

A time limit for an example would fail on a busy machine, and an example of the day
could not be repeated.
"""

from hypothesis import settings

settings.register_profile("streamproof", deadline=None, derandomize=True)
settings.load_profile("streamproof")
