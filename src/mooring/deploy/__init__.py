"""From a model to a SageMaker endpoint: facts → decisions → effects.

spec.py, limits.py, instances.py   what is wanted, and whether the platform could have it (pure)
requests.py, plan.py, removal.py   spec × what was observed → actions (pure); cloudformation.py: the same as a template
session.py, faults.py              clients, and what botocore raises in words
observe.py, apply.py, wait.py      look, do, wait: the only modules that change anything
archive.py, pack.py, image.py      the model as model.tar.gz, the image as SageMaker can pull it
deployment.py, transform.py        the story of one command, told to a `Narrator`
invoke.py, answer.py, retry.py     `Predictor`; asynchronous.py: answers that come later; model.py: `Model`
narrator.py, clock.py              who is told, and how long is waited
doctor.py, code.py                 what would fail, before anything is uploaded

Called by `cli/` and by those who import `mooring.Model` and `mooring.Predictor`.
"""
