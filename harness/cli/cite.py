"""`assay cite`: BibTeX of the claims used."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from harness.cite import Citation, citation_of_assay, citations
from harness.cli.common import add_json_option, add_tree_option, print_json, registry
from harness.errors import AssayError, Exit
from harness.read import Registry, select
from harness.schema import Source
from harness.suggest import choices


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "cite",
        help="BibTeX of claims and theories",
        epilog="SELECTOR is an id, a glob, a path or strand:NAME for the sources of claims, or "
        "theory:NAME for the references of a theory. Publications are listed once, and Assay "
        "itself last.",
    )
    parser.add_argument("selector", nargs="*", help="what to cite (default: every claim)")
    parser.add_argument(
        "--theories",
        action="store_true",
        help="also the references of every theory that forecasts the chosen claims",
    )
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Print the BibTeX entries, Assay's own at the end."""
    found = registry(chosen)
    sources = _sources(found, chosen.selector, theories=chosen.theories)
    cited = (*citations(sources), citation_of_assay())
    if chosen.json:
        print_json([_as_json(citation) for citation in cited])
    else:
        print("\n\n".join(citation.bibtex for citation in cited))
    return Exit.OK


def _sources(found: Registry, selectors: Sequence[str], *, theories: bool) -> list[Source]:
    """The sources of what is selected, claims in their order, then theories in theirs."""
    named = [name for name in selectors if name.startswith("theory:")]
    others = [name for name in selectors if name not in named]
    claims = select(found, others) if others or not named else []
    wanted = {name.removeprefix("theory:") for name in named}
    for name in wanted - found.theories.keys():
        raise AssayError(
            f"no theories.yaml has references of '{name}'",
            remedy=choices(name, found.theories),
            path=f"theory:{name}",
        )
    if theories:
        wanted |= {name for claim in claims for name in claim.theories}
    return [
        *(source for claim in claims for source in claim.sources),
        *(
            source
            for name, theory in found.theories.items()
            if name in wanted
            for source in theory.references
        ),
    ]


def _as_json(citation: Citation) -> dict[str, object]:
    source = citation.source.model_dump(mode="json", exclude={"where"})
    return {
        "key": citation.key,
        **source,
        "where": list(citation.places),
        "bibtex": citation.bibtex,
    }
