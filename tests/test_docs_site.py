"""How pages become a site: their links, and that none is left out."""

import re
import tomllib
from pathlib import Path, PurePosixPath

import pytest
from scripts.docs_site import ROOT, Broken, Stage, pages


def staged(tmp_path: Path, text: str) -> str:
    """The page docs/guides/a.md of a repository with some other files, as the site has it."""
    root = tmp_path / "repository"
    for name in ("docs/b.md", "SECURITY.md", "src/code.py", "docs/images/p.svg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("# x\n", encoding="utf-8")
    (root / "docs" / "guides").mkdir()
    (root / "docs" / "guides" / "a.md").write_text(text, encoding="utf-8")
    known = {
        PurePosixPath("docs/guides/a.md"): PurePosixPath("guides/a.md"),
        PurePosixPath("docs/b.md"): PurePosixPath("b.md"),
        PurePosixPath("SECURITY.md"): PurePosixPath("security.md"),
    }
    Stage(root, tmp_path / "site", known).copy(PurePosixPath("docs/guides/a.md"))
    return (tmp_path / "site" / "guides" / "a.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("[b](../b.md#x)", "[b](../b.md#x)"),
        ("[safe](../../SECURITY.md)", "[safe](../security.md)"),
        ("[here](#x), [there](https://example.com/)", "[here](#x), [there](https://example.com/)"),
        ("the [code](../../src/code.py)", "the code (`src/code.py`)"),
        ("[`src/code.py`](../../src/code.py)", "`src/code.py`"),
        ("```\n[b](nowhere.md)\n```\n", "```\n[b](nowhere.md)\n```\n"),
    ],
)
def test_links_lead_to_the_sites_pages(tmp_path: Path, text: str, site: str) -> None:
    """A file that is no page is named; code is left alone."""
    assert staged(tmp_path, text) == site


def test_a_picture_comes_along(tmp_path: Path) -> None:
    """At its place below docs/."""
    assert staged(tmp_path, "![drawn](../images/p.svg)") == "![drawn](../images/p.svg)"
    assert (tmp_path / "site" / "images" / "p.svg").is_file()


def test_a_link_to_nothing_ends_the_build(tmp_path: Path) -> None:
    """It names page and link."""
    with pytest.raises(Broken, match=r"docs/guides/a\.md: no file docs/c\.md for the link \[c\]"):
        staged(tmp_path, "[c](../c.md)")


def test_every_page_is_in_the_navigation_and_its_links_lead_somewhere(tmp_path: Path) -> None:
    """A page that is not would be found by search alone."""
    listed = re.findall(r'= "([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8"))
    known = pages()
    assert sorted(listed) == sorted(map(str, known.values()))
    stage = Stage(ROOT, tmp_path, known)
    for source in known:
        stage.copy(source)
    assert tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["theme"]["font"] is False
