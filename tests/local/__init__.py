"""Of `mooring.local`."""
