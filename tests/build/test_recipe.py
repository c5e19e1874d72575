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
        ("smooth", "Unknown recipe setting 'smooth'"),
        ("alpha=1", "Unknown recipe setting 'alpha=1'"),
        ("smooth=2", "Invalid value '2' for smooth in the recipe. Allowed for smooth: a number from 0 to 1, or off"),
        ("smooth=nan", "Invalid value 'nan' for smooth"),
        ("smooth=-1", "Invalid value '-1' for smooth"),
        ("ranges=max", "Invalid value 'max' for ranges in the recipe. Allowed for ranges: mean, minmax, percentile"),
        ("activations=both", "Allowed for activations: asymmetric or symmetric"),
        ("exclude=3/4", "Allowed for exclude: a share from 0 to 1/2"),
        ("exclude=1/0", "Invalid value '1/0' for exclude"),
        ("exclude=1e999999999", "Invalid value '1e999999999' for exclude"),
        ("smooth=0.5,smooth=0.8", "sets smooth twice"),
    ],
)
def test_what_is_no_recipe_is_refused_with_what_would_be(text: str, said: str) -> None:
    """At once, also where reading the number would take years."""
    with pytest.raises(UsageError) as caught:
        parse_recipe(text)
    assert said in str(caught.value)
