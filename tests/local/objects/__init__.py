"""Of `mooring.local.objects`."""
