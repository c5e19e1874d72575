"""Of the stock server itself."""

from mooring.handler.not_offered import no_module

raise no_module(__name__, "GET /metrics has the server's figures, in Prometheus' format.")
