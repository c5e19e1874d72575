"""Of the stock server's own services."""

from mooring.handler.not_offered import FUNCTIONS, no_module

raise no_module(__name__, FUNCTIONS)
