"""Playing an answer: from steps to bytes on a connection, at their time."""
