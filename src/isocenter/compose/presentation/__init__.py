"""Presentation states: completed from the images that they are for, checked, and composed."""
