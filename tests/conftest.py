"""What all tests share: how Hypothesis runs."""

import os

from hypothesis import settings

# Two busy cores make any deadline a coin toss. In CI examples are the same every time, so that a
# red run is red for the next person as well; at a desk they wander.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("long", deadline=None)  # for who has time: --hypothesis-profile long
settings.load_profile("ci" if os.environ.get("CI") else "desk")
