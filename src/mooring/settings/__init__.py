"""Every value that a user can choose: flags win over variables, variables over defaults; an empty variable is not set.

option.py     one setting: name, bounds, parsing      platforms.py  SageMaker's and the stock toolkit's variables
table.py      all of them                             load.py       the only reader of the environment

Called by `cli/`; `wiring/` and `container/` turn the values into constructors' arguments, and nothing below them knows
that settings exist.
"""

from mooring.settings.load import as_environment, environment_notes, load_settings, wants_debug
from mooring.settings.option import Alias, Option
from mooring.settings.table import BY_NAME, OPTIONS, Settings

__all__ = [
    "BY_NAME",
    "OPTIONS",
    "Alias",
    "Option",
    "Settings",
    "as_environment",
    "environment_notes",
    "load_settings",
    "wants_debug",
]
