"""Plans a run, executes it and yields what happens; knows no reporter."""
