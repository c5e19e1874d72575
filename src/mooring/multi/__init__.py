"""Several models in one server, loaded and unloaded while it runs: SageMaker's multi-model contract.

registry.py  the models that are loaded      routes.py    /models
ledger.py    whether another model fits      lost.py      models that a replaced worker could not load again
requests.py  names of models, and pages of GET /models
"""
