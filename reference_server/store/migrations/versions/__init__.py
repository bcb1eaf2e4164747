"""One module for each revision; nothing of ours is imported, which may change later."""
