"""The exam of an assignment: what is drawn, what is asked, how answers are compared."""
