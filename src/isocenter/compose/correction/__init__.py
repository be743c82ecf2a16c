"""Attributes of existing objects, corrected and taken back."""
