"""What holds for every test."""

import os

from hypothesis import settings

# How long an example takes says something about the machine, nothing about the code. The same
# examples each time, so that a change alone decides whether the tests pass; EXPLORE=1 looks for
# new ones.
settings.register_profile(
    "untimed", deadline=None, derandomize=os.environ.get("EXPLORE") != "1", database=None
)
settings.load_profile("untimed")
