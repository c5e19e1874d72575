"""What several of these tests build on. What the core's tests use as well is in `tests.support`."""
