"""Volumes as the images of a scanner: CT, MR and PET."""
