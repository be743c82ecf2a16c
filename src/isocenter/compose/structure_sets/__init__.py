"""Regions as contours."""
