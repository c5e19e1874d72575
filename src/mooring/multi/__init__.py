"""Serve several models, loaded and unloaded at run time: SageMaker's multi-model contract.

registry.py  the loaded models               routes.py    /models
ledger.py    whether another model fits      lost.py      models that a restarted worker could not reload
requests.py  model names, and pages of GET /models
"""
