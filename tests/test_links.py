"""Links in README and documentation: files and headings exist, addresses are well formed; without a network."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "api").glob("*.rst")),
]
CODE = re.compile(r"^```.*?^```", re.S | re.M)
INLINE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(\s*<?([^()\s>]+(?:\([^()]*\))?)>?(?:\s+\"[^\"]*\")?\s*\)")
BARE = re.compile(r"https?://[^\s<>)\]`\"']+")
DOC = re.compile(r":doc:`(?:[^`<]*<)?([^`>]+)>?`")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.M)
ANCHOR = re.compile(r"^\(([\w-]+)\)=$|<a id=\"([\w-]+)\">", re.M)
PATH = re.compile(r"`((?:benchmarks|docs|examples|packaging|src|tests|tools)/[\w./-]+)`")
GENERATED = ("auto_examples", "generated", "_build")  # by `make docs`


def prose(page: Path) -> str:
    """Text of a page without its blocks of code."""
    return CODE.sub("", page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> set[str]:
    """Names of the headings of a page, as GitHub and MyST make them."""
    text = prose(page)
    found: dict[str, int] = {}
    for heading in HEADING.findall(text):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    named = {name for pair in ANCHOR.findall(text) for name in pair if name}
    return {slug if not n else f"{slug}-{k}" if k else slug for slug, n in found.items() for k in range(n + 1)} | named


def fault(page: Path, target: str) -> str:
    """Say what is wrong with a link; empty where nothing is."""
    parts = urlsplit(target)
    if parts.scheme in ("http", "https"):
        return "" if re.fullmatch(r"[\w.-]+\.[a-z]{2,}(:\d+)?", parts.netloc) else "address without a host"
    if parts.scheme:
        return "" if parts.scheme == "mailto" and "@" in parts.path else f"unknown scheme {parts.scheme}"
    if parts.path.startswith("/"):
        return "absolute path"
    other = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if any(name in other.parts for name in GENERATED):
        return ""
    if not other.exists():
        return "no such file"
    if parts.fragment and other.suffix == ".md" and parts.fragment not in anchors(other):
        return "no such heading"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = prose(page)
    targets = {*LINK.findall(INLINE.sub("`", text)), *LINK.findall(text), *BARE.findall(INLINE.sub("", text))}
    faults = {target: fault(page, target) for target in targets}
    for name in DOC.findall(text):
        start = ROOT / "docs" if name.startswith("/") else page.parent
        if not any((start / f"{name.lstrip('/')}{suffix}").exists() for suffix in (".md", ".rst")):
            faults[name] = "no such page"
    assert {target: words for target, words in faults.items() if words} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    named = PATH.findall(prose(page))
    assert [
        name for name in named if not (ROOT / name).exists() and not any(part in GENERATED for part in Path(name).parts)
    ] == []


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("https://example.org/a#b", ""),
        ("https:///a", "address without a host"),
        ("trust.md", ""),
        ("turst.md", "no such file"),
        ("networks.md#train", ""),
        ("networks.md#tarin", "no such heading"),
        ("/etc/passwd", "absolute path"),
    ],
)
def test_a_broken_link_is_noticed(target: str, words: str) -> None:
    assert fault(ROOT / "docs" / "index.md", target) == words
