from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.errors import AssayError
from harness.history import (
    KINDS,
    Judged,
    Release,
    Result,
    changes,
    differences,
    freeze,
    last_release,
    read_releases,
    require_releasable,
    since,
    write_release,
)
from harness.leaderboard.board import Board, Entry, TheoryResult
from harness.leaderboard.markdown import markdown
from harness.leaderboard.tables import as_data

RESULT = Result(
    id="a",
    tier="smoke",
    status="pass",
    revision=1,
    promise="f" * 64,
    theories={
        "t": Judged("pass", 0.25, (0.1, math.inf)),
        "rival": Judged("fail", 4.0, (3.5, 4.5)),
    },
    controls={"c": Judged("fail", 9.0)},
    seeds=16,
    time="2026-01-02T03:04:05+00:00",
    commit="0123456789ab",
    device="cpu",
)
UNRUN = replace(
    RESULT,
    tier="full",
    status="not run",
    revision=None,
    promise=None,
    theories={},
    controls={},
    seeds=None,
)
RELEASE = Release("v1", "2026-01-03T00:00:00+00:00", "0.1.0", (RESULT, UNRUN))


def said(former: list[Result], now: list[Result]) -> list[str]:
    return [f"{change.kind}: {change}" for change in differences(former, now)]


def with_verdicts(**verdicts: str) -> dict[str, Any]:
    theories = dict(RESULT.theories)
    theories |= {
        name: replace(RESULT.theories[name], verdict=verdict) for name, verdict in verdicts.items()
    }
    return {"theories": theories}


def test_nothing_changes_when_only_numbers_do() -> None:
    again = replace(
        RESULT,
        seeds=32,
        time="later",
        commit=None,
        theories={**RESULT.theories, "t": Judged("pass", 0.5, None)},
    )
    assert said([RESULT, UNRUN], [again, UNRUN]) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (with_verdicts(t="fail"), ["flipped: a (smoke), t: pass -> fail"]),
        (with_verdicts(rival="pass"), ["flipped: a (smoke), rival: fail -> pass"]),
        (with_verdicts(t="inconclusive"), ["verdict: a (smoke), t: pass -> inconclusive"]),
        (with_verdicts(t="vacuous"), ["verdict: a (smoke), t: pass -> vacuous"]),
        (with_verdicts(rival="vacuous"), ["flipped: a (smoke), rival: fail -> vacuous"]),
        (
            {"controls": {"c": Judged("pass", 0.5)}},
            ["flipped: a (smoke), control c: fail -> pass"],
        ),
        ({"theories": {**RESULT.theories, "new": Judged("fail", 2.0)}}, []),
        ({"revision": 2}, ["revised: a: revision 1 -> revision 2"]),
        ({"status": "stale"}, ["status: a (smoke): pass -> stale"]),
        ({"status": "retired"}, ["retired: a: retired"]),
    ],
)
def test_a_change_is_named(changed: dict[str, Any], expected: list[str]) -> None:
    assert said([RESULT], [replace(RESULT, **changed)]) == expected


def test_predictions_come_and_go() -> None:
    other = replace(RESULT, id="b")
    assert said([RESULT], [RESULT, other, replace(other, tier="full")]) == ["new: b: new"]
    assert said([RESULT, other], [RESULT]) == ["gone: b: registered -> gone"]
    ran = replace(RESULT, tier="full", status="fail")
    assert said([RESULT, UNRUN], [RESULT, ran]) == ["first result: a (full): not run -> fail"]
    stale = replace(RESULT, status="stale")
    assert said([stale], [RESULT]) == ["status: a (smoke): stale -> pass"]
    retired = replace(RESULT, status="retired")
    assert said([retired], [retired]) == []


def test_flips_come_first_then_the_order_of_predictions() -> None:
    first, second, third = (replace(RESULT, id=name) for name in "abc")
    now = [
        replace(first, revision=2),
        replace(second, **with_verdicts(t="fail")),
        replace(third, revision=2, **with_verdicts(t="fail")),
        replace(third, id="d"),
    ]
    kinds = [
        (change.kind, change.id)
        for change in differences([first, second, third, replace(first, id="e")], now)
    ]
    assert kinds == [
        ("flipped", "b"),
        ("flipped", "c"),
        ("gone", "e"),
        ("revised", "a"),
        ("revised", "c"),
        ("new", "d"),
    ]
    assert {kind for kind, _ in kinds} <= KINDS.keys()


def test_a_release_is_read_as_it_was_written_and_never_again(tmp_path: Path) -> None:
    later = replace(RELEASE, name="v0.9", date="2026-02-01T00:00:00+00:00")
    assert last_release(tmp_path) is None
    for release in (later, RELEASE):
        write_release(tmp_path, release)
    assert read_releases(tmp_path) == [RELEASE, later]
    assert last_release(tmp_path) == later
    text = (tmp_path / "v1.json").read_text()
    assert len([line for line in text.splitlines() if '"tier"' in line]) == 2
    with pytest.raises(AssayError, match="never written again"):
        write_release(tmp_path, RELEASE)
    assert (tmp_path / "v1.json").read_text() == text


@pytest.mark.parametrize("name", ["../v1", "", "v 1", ".v1"])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssayError, match="cannot name a release"):
        write_release(tmp_path, replace(RELEASE, name=name))


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2}', '{"format": 1, "results": [{}]}'])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "v1.json").write_text(text)
    with pytest.raises(AssayError, match="no release of results") as error:
        read_releases(tmp_path)
    assert error.value.file == tmp_path / "v1.json"


def entry(**changed: Any) -> Entry:
    theory = TheoryResult("t", True, "pass", "pass", "", 0.25, (0.1, 0.4))
    plain = Entry(
        id="a",
        title="T",
        claim="C",
        strand="universality",
        tier="smoke",
        status="pass",
        file="a.yaml",
        references=(),
        free_parameters=0,
        theories=(theory,),
        record={"revision": 3, "promise": "f"},
    )
    return replace(plain, **changed)


def test_a_board_is_frozen_with_what_its_results_are_about() -> None:
    now = Board((entry(), entry(tier="full", status="not run", record=None, theories=())), ())
    first, second = freeze(now)
    assert (first.revision, first.promise) == (3, "f")
    assert first.theories == {"t": Judged("pass", 0.25, (0.1, 0.4))}
    assert (second.current, second.seeds) == (False, None)
    assert changes(now, replace(RELEASE, results=(first, second))) == []


def test_the_leaderboard_says_what_has_changed() -> None:
    now = Board((entry(),), ())
    frozen = freeze(now)[0]
    flipped = replace(frozen, theories={"t": Judged("fail", 3.0)})
    change = since(now, replace(RELEASE, results=(flipped,)))
    assert change is not None
    section = markdown(now, since=change).partition("## Since v1 (2026-01-03)\n\n")[2]
    assert section.startswith("- **flipped**: a (smoke), t: fail -> pass\n\n## Universality")
    data = as_data(now, change)["since"]
    assert (data["release"], data["changes"][0]["kind"]) == ("v1", "flipped")
    assert "Nothing has changed." in markdown(
        now, since=since(now, replace(RELEASE, results=(frozen,)))
    )
    assert since(now, None) is None
    assert "## Since" not in markdown(now)
    assert as_data(now)["since"] is None


def test_stale_results_are_not_released() -> None:
    with pytest.raises(AssayError, match=r"1 results .*: a \(smoke\)"):
        require_releasable(Board((entry(status="stale"),), ()))
    with pytest.raises(AssayError, match="no result"):
        require_releasable(Board((entry(status="not run", record=None),), ()))


def test_the_verb(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def release(*arguments: str) -> tuple[int, str, str]:
        code = main(["release", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    assert release() == (0, "no release yet\n", "")
    assert release("v1")[0] == 2  # nothing was run
    assert main(["run", "--publish", "--workers", "1"]) == 0
    capsys.readouterr()
    assert release("v1")[:2] == (0, "no release yet\nwrote results/releases/v1.json\n")
    assert release()[1].startswith("nothing has changed since v1 of 2")
    assert "never written again" in release("v1")[2]
    assert main(["run", "--publish", "--workers", "1", "--tier", "full"]) == 0
    capsys.readouterr()
    assert "first result parabola (full): not run -> pass" in release()[1]
    suite.write_text(suite.read_text().replace("noise: 0.05", "noise: 0.06"))
    code, out, err = release("v2")
    assert (code, out) == (2, "")
    assert "--force" in err
    code, out, _ = release("v2", "--force", "--json")
    assert code == 0
    since = json.loads(out)
    assert since["since"] == "v1"
    assert since["written"] == "results/releases/v2.json"
    assert [change["now"] for change in since["changes"]] == ["stale"]
