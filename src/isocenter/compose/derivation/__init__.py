"""Images derived from others: what they keep, drop and say anew."""
