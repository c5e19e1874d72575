"""The stock server's metrics: they can be made and added, and /metrics has the server's own."""
