"""Of `mooring.deploy`."""
