"""Several models in one server, loaded and unloaded while it runs: SageMaker's multi-model contract.

ledger.py    whether another model fits      registry.py  the models that are loaded      routes.py   /models
"""
