"""NumPy's products stay in one thread once an energy model trains."""

from __future__ import annotations

import numpy as np  # noqa: F401 - loads the library that is counted

from explorer.training.threads import use_one_blas_thread


def test_matrix_products_use_one_thread_from_then_on() -> None:
    from threadpoolctl import threadpool_info

    use_one_blas_thread()
    counted = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert counted
    assert set(counted) == {1}
