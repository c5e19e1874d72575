"""A decorator that prints how long a function takes."""

import time
from functools import wraps


def timeit(func):
    """Print wall and CPU time of every call."""

    @wraps(func)
    def timed(*args, **kwargs):
        began, cpu = time.perf_counter(), time.process_time()
        result = func(*args, **kwargs)
        print(f"{func.__name__}: {time.perf_counter() - began:.4f} s, {time.process_time() - cpu:.4f} s of CPU")
        return result

    return timed
