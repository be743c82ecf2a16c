"""Structured reports: composed from a structure, Markdown or JSON, read, and shown (PS3.3 A.35)."""
