"""A study against a loop that starts afresh each time."""
