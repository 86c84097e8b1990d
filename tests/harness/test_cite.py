from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.cite import bibtex_of, citation_of_assay, citations, escaped
from harness.cli import main
from harness.read import read_tree
from harness.schema import Source

ROOT = Path(__file__).parents[2]


def source(**changed: object) -> Source:
    return Source(
        **{"title": "Deep information propagation", "authors": "Schoenholz, Gilmer", "year": 2017}
        | changed  # type: ignore[arg-type]
    )


def test_an_entry_has_every_field() -> None:
    text = bibtex_of(
        [
            source(
                title="Exact solutions of ReLU networks: a view from SDEs",
                authors="Saxe, McClelland & De Vito et al.",
                year=2014,
                arxiv="cond-mat/0105015",
                doi="10.1007/978-1-4612-0745-0_2",
                url="https://example.org/a_b?c=%20",
                where="eq. 12 & fig. 3",
            )
        ]
    )
    assert text == (
        "@misc{saxe2014exact-solutions,\n"
        "  author        = {Saxe and McClelland and {De Vito} and others},\n"
        "  title         = {Exact solutions of {ReLU} networks: a view from {SDEs}},\n"
        "  year          = {2014},\n"
        "  eprint        = {cond-mat/0105015},\n"
        "  archivePrefix = {arXiv},\n"
        "  primaryClass  = {cond-mat},\n"
        "  doi           = {10.1007/978-1-4612-0745-0_2},\n"
        "  url           = {https://example.org/a_b?c=%20},\n"
        r"  note          = {eq. 12 \& fig. 3},"
        "\n}\n"
    )


@pytest.mark.parametrize(
    ("written", "set_as"),
    [
        ("50% of $5 & #1_a", r"50\% of \$5 \& \#1\_a"),
        ("{x}", r"\textbraceleft{}x\textbraceright{}"),
        ("Erdős, Péché", r"Erd{\H{o}}s, P{\'{e}}ch{\'{e}}"),
        ("e\u0301", r"{\'{e}}"),
        ("Bjørn Łuk–ß", r"Bj{\o}rn {\L}uk--{\ss}"),
        ("a^2 ~ b\\c", r"a\textasciicircum{}2 \textasciitilde{} b\textbackslash{}c"),
        ("彭", "彭"),
    ],
)
def test_text_is_escaped(written: str, set_as: str) -> None:
    assert escaped(written) == set_as


@pytest.mark.parametrize(
    ("written", "understood"),
    [
        ("Yang, Hu et al.", "Yang and Hu and others"),
        ("Yang, Hu, and others", "Yang and Hu and others"),
        ("Boyd and Vandenberghe", "Boyd and Vandenberghe"),
        ("Li, Nica, and Roy", "Li and Nica and Roy"),
        ("Yang, G., Hu, E. J.", "Yang, G. and Hu, E. J."),
        ("Yang, Greg; Ben Arous, Gérard", r"Yang, Greg and {Ben Arous}, G{\'{e}}rard"),
    ],
)
def test_authors_are_parted(written: str, understood: str) -> None:
    assert f"= {{{understood}}}" in bibtex_of([source(authors=written)])


def test_a_publication_is_listed_once_with_all_its_places() -> None:
    first = source(arxiv="1611.01232", where="section 2")
    again = source(title="Deep Information Propagation", arxiv="1611.01232v2", where="section 3")
    longer = source(authors="Schoenholz, Gilmer, Ganguli", doi="10.1/X")
    published = source(title="Deep information propagation (extended)", doi="10.1/x")
    (only,) = citations([first, published, again, longer, first])
    assert only.places == ("section 2", "section 3")
    assert (only.source.authors, only.source.doi) == ("Schoenholz, Gilmer, Ganguli", "10.1/x")
    assert "note   " in only.bibtex


def test_keys_are_unique_and_do_not_depend_on_the_company() -> None:
    one = source(title="Deep networks as Gaussian processes")
    other = source(title="Deep networks as kernels")
    elsewhere = source(title="The kernel", year=2018)
    (alone,) = citations([elsewhere])
    keys = [citation.key for citation in citations([one, other, elsewhere])]
    assert keys[2] == alone.key == "schoenholz2018kernel"
    assert len(set(keys)) == 3
    assert all(re.fullmatch(r"schoenholz2017deep-networks-[0-9a-f]{4}", key) for key in keys[:2])
    assert keys[:2] == [citation.key for citation in citations([other, one])][::-1]


def test_nothing_cited_is_nothing_said() -> None:
    assert bibtex_of([]) == ""


def test_every_entry_of_the_suite_is_balanced_ascii() -> None:
    registry = read_tree([ROOT / "predictions"])
    sources = [source for prediction in registry for source in prediction.sources]
    sources += [source for theory in registry.theories.values() for source in theory.references]
    cited = citations(sources)
    assert len({citation.key for citation in cited}) == len(cited)
    for citation in cited:
        assert re.fullmatch(r"[a-z0-9-]+", citation.key)
        assert citation.bibtex.isascii()
        assert citation.bibtex.count("{") == citation.bibtex.count("}")


def test_assay_cites_itself() -> None:
    assert citation_of_assay().bibtex.startswith("@misc{assay,\n  author = {{Assay contributors}},")


THEORIES = """\
descent:
  title: Gradient descent
  scope: parabolas
  references: [{title: Sur la méthode, authors: Cauchy, year: 1847}]
frozen: {title: N, scope: none, references: [{title: Nothing moves, authors: Zeno, year: 1600}]}
backwards: {title: N, scope: none, references: [{title: N, authors: N, year: 1600}]}
"""


def cited(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["cite", *arguments]) == 0
    return re.findall(r"@misc\{([^,]+),", capsys.readouterr().out)


def test_the_verb(
    suite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "predictions" / "theories.yaml").write_text(THEORIES, encoding="utf-8")
    boyd, cauchy, zeno = "boyd2004convex-optimization", "cauchy1847sur-la", "zeno1600nothing-moves"
    assert cited(capsys) == [boyd, "assay"]
    assert cited(capsys, "parabola", "parabola", "strand:solvable_settings") == [boyd, "assay"]
    assert cited(capsys, "theory:descent") == [cauchy, "assay"]
    assert cited(capsys, "theory:descent", "parabola") == [boyd, cauchy, "assay"]
    assert cited(capsys, "--theories") == [boyd, cauchy, zeno, "assay"]
    assert main(["cite", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [entry["key"] for entry in said] == [boyd, "assay"]
    assert said[0]["year"] == 2004
    assert said[0]["bibtex"].startswith(f"@misc{{{boyd},")


@pytest.mark.parametrize(
    ("selector", "said"),
    [("parabol", "Did you mean 'parabola'?"), ("theory:descend", "theory:descend: no theories")],
)
def test_what_does_not_exist_is_an_error(
    suite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    selector: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["cite", selector]) == 2
    assert said in capsys.readouterr().err
