"""Of the stock server itself."""

from mooring.handler.not_offered import SERVER, no_module

raise no_module(__name__, SERVER)
