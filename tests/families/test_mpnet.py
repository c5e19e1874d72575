"""MPNet: what differs from RoBERTa. Its numbers beside transformers' are in tests/graph, over all model types."""

from pathlib import Path

import pytest

from mooring.errors import ModelInvalid
from mooring.families import FAMILIES
from mooring.families.mpnet import bucket_of
from tests.support.graphs import graph_of
from tests.support.tiny_robertas import write_tiny_mpnet


def test_distances_share_a_bucket_the_more_the_farther_they_are() -> None:
    """As `MPNetEncoder.relative_position_bucket` of transformers computes them; keys behind the query come first."""
    assert [bucket_of(distance) for distance in (0, -1, -7, -8, -11, -12, -15, -16)] == [0, 1, 7, 8, 8, 9, 9, 10]
    assert [bucket_of(distance) for distance in (-22, -23, -31, -32, -64, -127, -128, -511)] == [
        10, 11, 11, 12, 14, 15, 15, 15,
    ]  # fmt: skip
    assert [bucket_of(distance) for distance in (1, 7, 8, 16, 511)] == [17, 23, 24, 26, 31]


def test_the_padding_token_is_fixed() -> None:
    """transformers' MPNet does not read pad_token_id: 514 rows are 512 tokens."""
    config = {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": 100}
    sizes = FAMILIES["mpnet"].sizes({**config, "max_position_embeddings": 514, "pad_token_id": 7})
    assert sizes.positions == 512


def test_too_few_buckets_are_refused(tmp_path: Path) -> None:
    """The table would have no row for far tokens."""
    write_tiny_mpnet(tmp_path, relative_attention_num_buckets=16)
    with pytest.raises(ModelInvalid, match="relative_attention_num_buckets is 16; MPNet uses 32"):
        graph_of(tmp_path)
