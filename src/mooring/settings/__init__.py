"""User settings. Flags override environment variables, which override defaults; an empty variable counts as not set.

option.py     one setting: name, bounds, parsing      platforms.py  variables of SageMaker and the stock toolkit
table.py      table of all settings                   load.py       the only reader of the environment

`cli/` loads them; `wiring/` and `container/` pass the values to constructors. Lower layers do not know settings.
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
