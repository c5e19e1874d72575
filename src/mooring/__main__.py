"""`python -m mooring`: the same as `moor`."""

from mooring.cli import main

if __name__ == "__main__":
    main()
