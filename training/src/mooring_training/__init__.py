"""Train small question-answering models reproducibly. `moor distil` runs it.

Importing this package, or its command's module, does not import torch.
"""

__version__ = "0.1.0"
