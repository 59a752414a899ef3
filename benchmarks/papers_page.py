"""The five papers' claims beside what was measured here, from the committed results alone.

python benchmarks/papers_page.py > docs/papers.md
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from papers.claims import PAPERS
from papers.judging import CONFIRMED, REFUTED, UNDECIDED, UNTESTABLE, Judged, Paper

HEADING = """# The five papers, claim by claim

This page is written by `python benchmarks/papers_page.py > docs/papers.md` from the tables in `benchmarks/results`;
only what the papers say is typed by hand. The `table.md` of each folder has the command and the commit that made it.

- **confirmed**: in every case, the 95 % interval of the advantage (for a bound: of the score) is on the claim's side.
- **refuted**: in at least one case it lies on the other side, for networks as they were trained here.
- *undecided*: neither; the interval contains zero, or the bound.
- *cannot be tested here*: something is missing, which the last column names.

Intervals of advantages are those of a paired bootstrap over samples; those with a star follow from the intervals of
both rows as if they were independent, which is wider. Positive advantages are better, also where a lower score is.
How data and networks differ from the papers is on the page [deviations](paper-deviations.md); how long networks were
trained is in `benchmarks/results/networks.md`.
"""


def page() -> str:
    """Return the page."""
    judged = {paper.title: [claim.judged() for claim in paper.claims] for paper in PAPERS}
    counts = Counter(one.verdict for some in judged.values() for one in some)
    order = (CONFIRMED, REFUTED, UNDECIDED, UNTESTABLE)
    total = f"Of {counts.total()} claims: " + ", ".join(f"{counts[one]} {one.strip('*')}" for one in order) + "."
    return (
        "\n".join([HEADING, total, *(line for paper in PAPERS for line in section(paper, judged[paper.title]))]) + "\n"
    )


def section(paper: Paper, judged: list[Judged]) -> Iterator[str]:
    """Lines of one paper."""
    yield f"\n## {paper.title}\n"
    yield f"Tables: {', '.join(f'`{name}`' for name in paper.tables)}.\n"
    yield _row(["", "published", *paper.columns])
    yield _row(["---"] * (2 + len(paper.columns)))
    yield from (_row(row.cells()) for row in paper.rows)
    yield "\n" + _row(["the paper says", "verdict", "measured here", "why they differ"])
    yield _row(["---"] * 4)
    for claim, found in zip(paper.claims, judged, strict=True):
        yield _row([claim.words, found.verdict, found.numbers, claim.why])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    print(page(), end="")
