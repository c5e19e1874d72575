"""Of `mooring.local.batch`."""
