"""Recipes and their names: what the table prints can be given back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.build.candidates import RECIPES
from mooring.build.recipe import FORM, MOST_EXCLUDED, OFF, USUAL, Recipe, parse_recipe
from mooring.errors import UsageError

recipes = st.builds(
    Recipe,
    smooth_alpha=st.just(OFF) | st.floats(0, 1).map(lambda value: value or 0.0),
    ranges=st.sampled_from(["mean", "minmax", "percentile"]),
    asymmetric_activations=st.booleans(),
    excluded_share=st.fractions(0, MOST_EXCLUDED, max_denominator=1000),
)


@given(recipes)
def test_every_recipe_is_found_by_its_name(recipe: Recipe) -> None:
    """Nothing is lost or rounded."""
    assert parse_recipe(recipe.name) == recipe


def test_the_names_of_those_that_are_explored() -> None:
    """All different, the usual one first."""
    names = [recipe.name for recipe in RECIPES]
    assert names[0] == USUAL.name == "smooth=0.95"
    assert len(set(names)) == len(names)
    assert "smooth=off" in names
    assert "smooth=0.95,exclude=1/16" in names


def test_what_is_left_out_is_as_usual() -> None:
    """In any order, with spaces, and shares as decimals too; with everything as usual it is the usual one."""
    assert parse_recipe("ranges=percentile, smooth=0.5") == Recipe(smooth_alpha=0.5, ranges="percentile")
    assert parse_recipe("exclude=0.0625").name == "smooth=0.95,exclude=1/16"
    assert parse_recipe(FORM) == USUAL


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Unknown recipe setting ''. Settings: smooth, ranges, activations, exclude"),
        ("smooth", "'smooth' is no part of a recipe"),
        ("alpha=1", "'alpha=1' is no part of a recipe"),
        ("smooth=2", "'2' is no smooth of a recipe. smooth is a number from 0 to 1, or off"),
        ("smooth=nan", "'nan' is no smooth"),
        ("smooth=-1", "'-1' is no smooth"),
        ("ranges=max", "'max' is no ranges of a recipe. ranges is mean, minmax, percentile"),
        ("activations=both", "activations is asymmetric or symmetric"),
        ("exclude=3/4", "exclude is a share from 0 to 1/2"),
        ("exclude=1/0", "'1/0' is no exclude"),
        ("exclude=1e999999999", "'1e999999999' is no exclude"),
        ("smooth=0.5,smooth=0.8", "says smooth twice"),
    ],
)
def test_what_is_no_recipe_is_refused_with_what_would_be(text: str, said: str) -> None:
    """At once, also where reading the number would take years."""
    with pytest.raises(UsageError) as caught:
        parse_recipe(text)
    assert said in str(caught.value)
