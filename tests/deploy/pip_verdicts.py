"""What pip itself says of requirements files, as a program: `python pip_verdicts.py FOLDER…`, JSON on stdout.

Each FOLDER has a requirements.txt, which pip's own functions parse from within it. Nothing is looked up or installed.
"""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

from pip._internal.network.session import PipSession
from pip._internal.req import parse_requirements
from pip._internal.req.constructors import install_req_from_parsed_requirement
from pip._internal.req.req_install import check_invalid_constraint_type


def verdict(folder: Path) -> dict[str, object]:
    """Whether pip takes the file, and the names of what it would install."""
    os.chdir(folder)
    names = []
    try:
        for parsed in parse_requirements("requirements.txt", session=PipSession()):
            requirement = install_req_from_parsed_requirement(parsed)
            if requirement.constraint:
                problem = check_invalid_constraint_type(requirement)
                if problem:
                    raise ValueError(problem)
            elif requirement.match_markers():
                names.append(requirement.name)
    except BaseException as error:
        return {"taken": False, "why": f"{type(error).__name__}: {error}"[:300]}
    return {"taken": True, "names": names}


print(json.dumps({"pip": version("pip"), "verdicts": [verdict(Path(folder)) for folder in sys.argv[1:]]}))
