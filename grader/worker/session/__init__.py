"""A session of the worker: from the fork to the last reply."""
