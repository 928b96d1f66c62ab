"""Submissions that want more than their due, or do damage: cases as data, and the arena in which they are graded.

``make hostile`` runs all of them and prints a table; the tests run them as one cohort beside an honest neighbour.
"""
