"""The grader graded: how often it marks rightly what is known to be right or wrong.

    python -m accuracy [--quick] [--seed N] [--jobs N]

Two figures rule: a wrong submission never passes a criterion that it breaks, and a right one, however unusual, never
loses a point. ``mutants`` measures the first, ``equivalents`` the second; ``diagnosis`` asks whether known mistakes are
called by their names, ``repeatability`` whether the same code always gets the same marks, ``seeds`` whether right
submissions keep their points under thousands of seeds. Nothing in ``grader`` imports this package.
"""
