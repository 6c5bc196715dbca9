"""What all tests share: one thread for torch, and how hypothesis looks for counter-examples."""

from __future__ import annotations

import os

from hypothesis import settings

# Before torch is first imported. The models of the tests are tiny: threads that wait for each other, beside the other
# processes that share the tests, made them ten times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Scripts that tests start in a process of their own: importing one, to look for doctests, may already do something.
collect_ignore_glob = ["*/scripts/*"]

# No deadline: other processes share the machine. No database: a run leaves nothing behind and needs nothing before it.
settings.register_profile("explorer", deadline=None, max_examples=30, database=None)
settings.load_profile("explorer")
