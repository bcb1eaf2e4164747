"""Evidence read through a profile: streams, journal, cuts, silences. Pure."""
