"""How many threads NumPy's matrix products use."""

from __future__ import annotations

from functools import cache


@cache
def use_one_blas_thread() -> None:
    """From now on NumPy multiplies matrices in the calling thread alone, in this whole process.

    The energy models' products are small. With two threads each on two busy cores, an RBM of 266 × 256 units made 27
    updates a second, the threads waiting for each other; with one thread it made 476.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1, user_api="blas")
