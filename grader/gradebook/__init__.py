"""The cohort in one table: marks of all submissions, names, lateness, and the pages that show them."""
