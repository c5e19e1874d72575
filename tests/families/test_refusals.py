"""What is refused for every model type: weights without the head, and the tokenizer of another model."""

from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from mooring.errors import ModelInvalid
from mooring.families import FAMILIES
from mooring.graph.heads import HEADS
from mooring.model.folder import ModelFolder
from mooring.tasks import TASKS
from mooring.tasks.recognise import read_manifest
from mooring.tokenization.load import load_tokenizer
from tests.support.golden_inputs import MODEL_TYPES
from tests.support.graphs import graph_of
from tests.support.tiny_models import CLASSES

WITH_WEIGHTS = [head for head in HEADS if head != "hidden"]


@pytest.mark.parametrize("model_type", MODEL_TYPES)
@pytest.mark.parametrize("head", WITH_WEIGHTS)
def test_weights_without_the_head_are_refused(model_type: str, head: str, tmp_path: Path) -> None:
    """The message names the tensor that shows it, before anything is built; building names it, too."""
    folder = MODEL_TYPES[model_type](tmp_path, head=head)
    tensor = FAMILIES[model_type].weights[head]
    arrays = load_file(folder / "model.safetensors")
    kept = {name: array for name, array in arrays.items() if name != tensor}
    assert len(kept) == len(arrays) - 1
    save_file(kept, folder / "model.safetensors")
    if any(spec.head == head for spec in TASKS.values()):
        with pytest.raises(ModelInvalid, match=f"{CLASSES[head]}, but the weights have no tensor '{tensor}'"):
            read_manifest(folder, source="it")
    with pytest.raises(ModelInvalid, match=f"{tensor}.* not found in the weights"):
        graph_of(folder, head)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_the_tokenizer_of_another_model_is_refused(model_type: str, tmp_path: Path) -> None:
    """Its ids have no embedding."""
    folder = ModelFolder(MODEL_TYPES[model_type](tmp_path))
    rows = int(folder.json("config.json")["vocab_size"])
    assert load_tokenizer(folder, embeddings=rows).warnings == ()
    with pytest.raises(ModelInvalid, match=f"beyond the model's {rows - 10} embeddings") as caught:
        load_tokenizer(folder, embeddings=rows - 10)
    assert "belongs to another model" in caught.value.hint
