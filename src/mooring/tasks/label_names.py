"""Read the names of a classifier's labels."""

from collections.abc import Mapping

from mooring.errors import ModelInvalid, echo
from mooring.model.folder import CONFIG_FILE


def label_names(labels: Mapping[str, str]) -> tuple[str, ...]:
    """`id2label` as a list; raises ModelInvalid unless its keys are 0, 1, 2 and so on."""
    numbers = [str(number) for number in range(len(labels))]
    if sorted(labels) != sorted(numbers) or not labels:
        raise ModelInvalid(
            f"{CONFIG_FILE}: the keys of id2label are {echo(', '.join(labels))}; they must be 0, 1, 2 and so on.",
            hint="Use config.json from the model's own repository.",
        )
    return tuple(labels[number] for number in numbers)
