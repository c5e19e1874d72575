"""What the project's own benchmarks compute from what they measured: operations, exponents, shares, stages."""

import json
from pathlib import Path

import pytest
from bench.engines import EMBEDDED, Shape
from bench.fit import exponent, said
from bench.operations import Encoder, encoder_of
from bench.parts.engine import REST, grouped
from bench.parts.growth import SMALL_STRIDE, SMALL_WINDOW, text_of
from bench.parts.serving import as_computed
from bench.parts.start import stages
from bench.parts.tried import OURS, variants
from bench.started import POINTS
from bench.variant import Spec

from mooring.tasks.recognise import read_manifest
from mooring.wiring.model import make_task


def test_operations_are_counted_by_hand() -> None:
    """One layer, H = 2, I = 8, 3 tokens: 6 products of matrices, two of attention, and the head."""
    linear = 2 * 3 * (4 * 2 * 2) + 2 * 3 * (2 * 2 * 8)
    scores, mixed = 2 * 3 * 3 * 2, 2 * 3 * 3 * 2
    assert Encoder(1, 2, 8).operations(3) == linear + scores + mixed + 2 * 3 * 2 * 2


def test_a_question_to_distilbert_is_as_large_as_is_published(tmp_path: Path) -> None:
    """42.5 million weights in its linear layers: 85 MOP a token, and little for attention at 128 tokens."""
    config = {"model_type": "distilbert", "n_layers": 6, "dim": 768, "hidden_dim": 3072}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert encoder_of(tmp_path) == Encoder(6, 768, 3072)
    assert encoder_of(tmp_path).operations(128) == pytest.approx(128 * 84.9e6, rel=0.05)
    assert encoder_of(EMBEDDED) == Encoder(6, 384, 1536)


def test_an_exponent_is_found_where_it_is_large() -> None:
    """What is constant hides the growth of small values; only the upper half counts."""
    x = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert exponent(x, [3 * one**1.5 for one in x]) == pytest.approx(1.5)
    assert exponent(x, [100.0, 100.0, 100.0, *(one for one in x[3:])]) == pytest.approx(1.0)
    assert exponent([1.0, 2.0], [1.0, 4.0]) == pytest.approx(2.0)


def test_no_exponent_of_what_is_none() -> None:
    """Nothing, one point, or a zero."""
    for x, y in (([1.0], [1.0]), ([0.0, 1.0], [1.0, 2.0]), ([1.0, 2.0], [0.0, 2.0]), ([1.0, 2.0], [1.0])):
        with pytest.raises(ValueError, match="two points"):
            exponent(x, y)


def test_an_exponent_in_words() -> None:
    """A tenth is called linear."""
    assert said(1.04) == "linear (exponent 1.04)"
    assert said(0.5).startswith("less than linear")
    assert said(1.4).startswith("more than linear")


def test_a_profile_adds_up() -> None:
    """What has no group is the rest."""
    shares = grouped({"FullyConnected": 6.0, "Softmax": 1.0, "MVN": 2.0, "Transpose": 1.0})
    assert shares["matrix products"] == pytest.approx(0.6)
    assert shares[REST] == pytest.approx(0.1)
    assert sum(shares.values()) == pytest.approx(1.0)


def test_stages_are_between_points() -> None:
    """Medians of differences; a point that is missing takes no time."""
    first = {point: 0.1 * (place + 1) for place, point in enumerate(POINTS)}
    slow = {**first, POINTS[-1]: 9.0}
    found = stages([first, first, slow])
    assert found == {point: pytest.approx(0.1) for point in POINTS}
    assert stages([{POINTS[0]: 0.2, POINTS[2]: 0.5}])[POINTS[2]] == pytest.approx(0.3)


def test_a_text_makes_so_many_windows() -> None:
    """Of exactly so many tokens: the x axis of a plot must be true."""
    task = make_task(EMBEDDED, read_manifest(EMBEDDED, source="embedded"))
    small = {"max_seq_len": SMALL_WINDOW, "doc_stride": SMALL_STRIDE}
    assert text_of(task, 8, 1, {"max_seq_len": 512})
    assert text_of(task, 512, 1, {"max_seq_len": 512})
    assert text_of(task, SMALL_WINDOW, 30, small)


def test_a_variant_arrives_as_it_was_sent() -> None:
    """Through a command line."""
    spec = Spec("folder", "int8", "dev.json", Shape(streams=1, batches=(1,), batch_tokens=256), {"A": "B"})
    assert Spec.loads(spec.dumps()) == spec
    assert next(iter(variants("fp32"))) == OURS


def test_tokens_of_a_batch_are_shared_by_streams() -> None:
    """As the server does it, and as a variant says."""
    assert Shape().grid(512).tokens == 256
    assert Shape(streams=1, batch_tokens=1024).grid(512).max_rows(128) == 8
    assert Shape(batches=(1,)).grid(512).max_rows(16) == 1
    assert Shape().grid(384).lengths[-1] == 384


def test_a_name_does_not_promise_another_precision() -> None:
    """Where a CPU has no int8 products, an int8 model is served in fp32."""
    assert as_computed("DistilBERT int8", "fp32") == "DistilBERT int8, computed in fp32"
    assert as_computed("DistilBERT int8", "int8") == "DistilBERT int8"
