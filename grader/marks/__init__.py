"""What people decide about marks: every event of it in a database beside the reports, and the totals that follow."""
