"""Marks in the forms that learning platforms and other programs read: a module for each target."""
