"""Every kind of broken file ends in one clear sentence: file, line, key, what, remedy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.check import check
from harness.errors import AssayError, Problem
from harness.read import read_tree

WORLD = '''
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from harness.api import STATIC


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A spring."""

    size: Annotated[int, Field(gt=1, description="number of beads")]
    stiffness: Annotated[float, Field(gt=0, description="spring constant")]
    damping: Annotated[float, STATIC, Field(ge=0, description="friction")]
    scheme: Annotated[Literal["euler", "verlet"], Field(description="integrator")]
    lags: Annotated[tuple[int, ...], Field(description="lags")]
    pull: Annotated[float, Field(description="force")]

    def __post_init__(self):
        if self.size == 13:
            raise ValueError("thirteen beads are bad luck")

    def axes(self):
        return {"time": [0.0, 1.0, 2.0]}
'''
EXPERIMENT = """
from .world import Setup


def train(setup: Setup, key):
    raise RuntimeError("a check must not train")


def train_with_draw(setup: Setup, key, draw):
    raise RuntimeError("a check must not train")


def mean(raw):
    return raw.mean("time")


def two(raw, other):
    return raw
"""
THEORY = """
import math

from .world import Setup


def hooke(setup: Setup):
    return {"length": setup.pull / setup.stiffness, "path": [0.0, 1.0, 2.0]}


def loose(setup: Setup):
    return {"length": 0.0}
"""
YAML = """\
id: spring
title: A spring
claim: The length is the force over the stiffness.
strand: solvable_settings
sources:
  - {title: De potentia restitutiva, authors: Hooke, year: 1678}
experiment: experiment.train
setup: {size: 4, damping: 0.5, scheme: euler, lags: [1, 2]}
sweep: {stiffness: [0.5, 1.0]}
grid: {pull: {from: -1, to: 1, step: 0.5}}
tiers:
  smoke: {seeds: 4, max_seeds: 8}
  full:
    seeds: 16
    setup: {size: 40}
    tighten:
      length:
        tolerance: {absolute: 0.1}
        because: {noise: 0.1}
observables:
  length:
    unit: m
    compare: value
    tolerance: {absolute: 0.2}
    because:
      noise: 0.15
      time step: 5e-2
  path:
    unit: m
    dims: [time]
    compare: curve
    over: time
    tolerance: {relative: 0.1}
    because: {noise: 0.1}
theories:
  hooke-law: {forecast: theory.hooke, expect: pass, regime: {size: [2, .inf]}}
  no-spring: {forecast: {length: 0.0}, expect: fail}
controls:
  loose:
    forecast: theory.loose
    observables: [length]
    because: a loose spring does not pull
  tiny: {setup: {size: 2}, grid: {pull: [0.0, 1.0]}, because: two beads are no spring}
"""
THEORIES = """\
hooke-law:
  title: Hooke's law
  references: [{title: De potentia restitutiva, authors: Hooke, year: 1678}]
  scope: Small elongations.
no-spring:
  title: Nothing
  references: [{title: De potentia restitutiva, authors: Hooke, year: 1678}]
  scope: Nothing pulls.
"""


@dataclass(frozen=True)
class Broken:
    """One mutation of the valid topic, and the problem that must be reported.

    `at` is a piece of the line that is reported (of `file`), or its number.
    """

    name: str
    changes: dict[str, str | bytes | tuple[str, str]]
    at: str | int | None
    path: str
    what: str
    remedy: str
    file: str = "spring.yaml"


def yaml(old: str, new: str) -> dict[str, str | bytes | tuple[str, str]]:
    """A mutation of the prediction file."""
    assert old in YAML
    return {"spring.yaml": (old, new)}


def world(old: str, new: str) -> dict[str, str | bytes | tuple[str, str]]:
    """A mutation of the Setup class."""
    assert old in WORLD
    return {"world.py": (old, new)}


def theory(new: str) -> dict[str, str | bytes | tuple[str, str]]:
    """Another forecast of Hooke's law."""
    old = 'return {"length": setup.pull / setup.stiffness, "path": [0.0, 1.0, 2.0]}'
    return {"theory.py": (old, new)}


LAUGHS = "a0: &a0 [ha, ha]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
)
TIGHTER = "{absolute: 0.1}\n        because: {noise: 0.1}"
TAG = "!!python/object/apply:pathlib.Path.touch [canary]"

# fmt: off
SYNTAX = [
    Broken("empty file", {"spring.yaml": ""}, 1, "", "is empty", "assay new"),
    Broken("only comments", {"spring.yaml": "# nothing\n"}, 1, "", "is empty", "assay new"),
    Broken("a list", {"spring.yaml": "- id: spring\n"}, 1, "", "mapping", "key: value"),
    Broken("a word", {"spring.yaml": "spring\n"}, 1, "", "mapping", "key: value"),
    Broken("not UTF-8", {"spring.yaml": b"id: spring\ntitle: \xff\xfe\n"}, 2, "", "UTF-8", "Save"),
    Broken("UTF-16", {"spring.yaml": YAML.encode("utf-16")}, 1, "", "not UTF-8", "Save it"),
    Broken("byte order mark", {"spring.yaml": b"\xef\xbb\xbfid: a\n"}, 1, "", "order mark",
           "plain"),
    Broken("NUL byte", {"spring.yaml": "id: a\ntitle: \x00\n"}, 2, "", "not allow", "control"),
    Broken("two documents", {"spring.yaml": YAML + "---\nid: b\n"}, "---", "", "several",
           "one file"),
    Broken("tab", yaml("  smoke:", "\tsmoke:"), "\tsmoke", "", "a tab", "spaces"),
    Broken("tab after colon", yaml("id: spring", "id:\n\t- a"), "\t- a", "", "a tab", "spaces"),
    Broken("open bracket", yaml("[0.5, 1.0]}", "[0.5, 1.0}"), "sweep:", "", "not valid",
           "brackets"),
    Broken("open quote", yaml("title: A spring", 'title: "A'), "title", "", "quoted scalar",
           "quotes"),
    Broken("two colons", yaml("id: spring", "id: spring: no"), "id:", "", "not valid YAML",
           "quotes"),
    Broken("bad indent", yaml("  full:\n", " full:\n"), " full", "", "not valid", "indentation"),
    Broken("duplicate key", yaml("title: A", "id: b\ntitle: A"), "id: b", "id", "twice", "Delete"),
    Broken("duplicate deep key", yaml("      noise: 0.15", "      noise: 0.1\n      noise: 0.05"),
           "noise: 0.05", "observables.length.because.noise", "first on line 26", "Delete"),
    Broken("tag that calls", yaml("A spring", TAG), "title", "title", "uses the tag",
           "plain value"),
    Broken("tag on a key", yaml("title: A", f"? {TAG}\n: A"), "? !!", "", "key", "word"),
    Broken("tag of text", yaml("year: 1678", "year: !!str 1678"), "year", "sources[0].year", "tag",
           ""),
    Broken("own tag", yaml("A spring", "!spring {a: 1}"), "title", "title", "the tag !spring",
           "plain"),
    Broken("unknown tag", yaml("A spring", "!a!b c"), "title", "", "not valid", "brackets"),
    Broken("alias", yaml("setup: {", "setup: &s {size: 3}\ngrid: *s\nx: {"), "*s", "grid", "alias",
           "full"),
    Broken("billion laughs", {"spring.yaml": LAUGHS}, "a1: &a1", "a1[0]", "alias *a0", "in full"),
    Broken("self reference", yaml("A spring", "&t [*t]"), "title", "title[0]", "alias", "in full"),
    Broken("merge key", yaml("id: spring", "id: spring\n<<: {a: 1}"), "<<", "<<", "unknown key",
           ""),
    Broken("too deep", yaml("A spring", "[" * 200 + "]" * 200), "title", "", "nested", "Flatten"),
    Broken("too large", {"spring.yaml": YAML + "#" * (1 << 20)}, None, "", "larger than",
           "data out"),
    Broken("empty value", yaml("A spring", ""), "title", "title", "has no value", "delete the key"),
    Broken("null", yaml("A spring", "~"), "title", "title", "has no value", "delete the key"),
    Broken("empty key", yaml("title: A spring", '"": A'), '"":', "", "empty key",
           "before the colon"),
    Broken("leading zero", yaml("1678", "01678"), "year", "sources[0].year", "zero", "quotes"),
    Broken("giant number", yaml("1678", "9" * 5000), "year", "sources[0].year", "5000 digits",
           "Round"),
]
# fmt: on

# fmt: off
SHAPE = [
    Broken("unknown key", yaml("title: A", "titel: A"), "titel", "titel", "unknown key",
           "'title'?"),
    Broken("missing key", yaml("title: A spring\n", ""), 1, "title", "is missing", "Add `title:`"),
    Broken("text for a list", yaml("sweep: {stiffness: [0.5, 1.0]}", "sweep: {stiffness: 0.5}"),
           "sweep", "sweep.stiffness", "a list of values, got 0.5", "[a, b, c]"),
    Broken("list for a mapping",
           yaml("{size: 4, damping: 0.5, scheme: euler, lags: [1, 2]}", "[4]"), "setup: [", "setup",
           "must be a mapping", "key: value"),
    Broken("number for text", yaml("title: A spring", "title: 3"), "title", "title",
           "must be text, got 3", "quotes"),
    Broken("blank text", yaml("title: A spring", "title: '  '"), "title", "title", "says something",
           "sentence"),
    Broken("1e-3 where a whole number is needed", yaml("max_seeds: 8", "max_seeds: 1e-3"), "smoke",
           "tiers.smoke.max_seeds", "whole number, got 0.001", "exponent"),
    Broken("1e1 where a whole number is needed", yaml("{seeds: 4,", "{seeds: 1e1,"), "smoke",
           "tiers.smoke.seeds", "whole number, got 10.0", "exponent"),
    Broken("no for a whole number", yaml("{seeds: 4,", "{seeds: no,"), "smoke", "tiers.smoke.seeds",
           "whole number, got text 'no'", "quotes"),
    Broken("true for a whole number", yaml("{seeds: 4,", "{seeds: true,"), "smoke",
           "tiers.smoke.seeds", "got true", "quotes"),
    Broken("one seed", yaml("{seeds: 4,", "{seeds: 1,"), "smoke", "tiers.smoke.seeds",
           "must be >= 2, got 1", "Correct"),
    Broken("max_seeds below seeds", yaml("max_seeds: 8", "max_seeds: 3"), "smoke", "tiers.smoke",
           "max_seeds 3 is below seeds 4", "Raise"),
    Broken("no tier", yaml(YAML[YAML.index("tiers:") : YAML.index("observables:")], "tiers: {}\n"),
           "tiers", "tiers", "at least 1", "Add one"),
    Broken("unknown tier", yaml("  smoke:", "  smok:"), "smok", "tiers.smok",
           "must be one of smoke, full", "'smoke'?"),
    Broken("tier with a tolerance", yaml("{seeds: 4,", "{tolerance: {absolute: 9}, seeds: 4,"),
           "smoke", "tiers.smoke.tolerance", "never changes the question", "tighten"),
    Broken("tier with observables", yaml("{seeds: 4,", "{observables: {}, seeds: 4,"), "smoke",
           "tiers.smoke.observables", "never changes the question", "tighten"),
    Broken("tier with a typo", yaml("max_seeds: 8", "max_sedes: 8"), "smoke",
           "tiers.smoke.max_sedes", "unknown key", "'max_seeds'?"),
    Broken("unknown strand", yaml("strand: solvable_settings", "strand: solvable"), "strand",
           "strand", "must be one of", "'solvable_settings'?"),
    Broken("id not kebab-case", yaml("id: spring", "id: Spring_1"), "id:", "id", "kebab-case",
           "hyphens"),
    Broken("no source",
           yaml("\n  - {title: De potentia restitutiva, authors: Hooke, year: 1678}", " []"),
           "sources", "sources", "at least 1", "publications"),
    Broken("arxiv as a number", yaml("year: 1678", "year: 1678, arxiv: 2203.03466"), "year",
           "sources[0].arxiv", "must be text", "quotes"),
    Broken("wrong arxiv", yaml("year: 1678", "year: 1678, arxiv: '2203'"), "year",
           "sources[0].arxiv", "not a valid identifier", "match"),
    Broken("no module in a reference", yaml("experiment: experiment.train", "experiment: train"),
           "experiment:", "experiment", "module.function", "theory.window"),
    Broken("path in a reference", yaml("experiment.train", "../other.train"), "experiment:",
           "experiment", "module.function", "theory.window"),
    Broken("unknown precision", yaml("setup: {", "precision: float16\nsetup: {"), "precision",
           "precision", "must be one of float32, float64", "'float"),
    Broken("infinite setup value", yaml("damping: 0.5", "damping: .inf"), "setup", "setup.damping",
           "finite number", "plain value"),
    Broken("mapping as setup value", yaml("damping: 0.5", "damping: {a: 1}"), "setup",
           "setup.damping", "got a mapping", "plain value"),
    Broken("sweep twice the same", yaml("[0.5, 1.0]", "[0.5, 0.5]"), "sweep", "sweep.stiffness",
           "twice", "once"),
    Broken("grid of text", yaml("[0.0, 1.0]", "[a, b]"), "tiny", "controls.tiny.grid.pull",
           "finite number, got text 'a'", "1e-3"),
    Broken("range backwards", yaml("from: -1, to: 1", "from: 1, to: -1"), "grid", "grid.pull",
           "`to` lies below `from`", "Swap"),
    Broken("range that misses its end", yaml("step: 0.5", "step: 0.3"), "grid", "grid.pull",
           "whole number of steps", "Move"),
    Broken("range without step", yaml(", step: 0.5", ""), "grid", "grid.pull.step", "is missing",
           "Add `step:`"),
    Broken("range with a typo", yaml("step: 0.5", "stpe: 0.5"), "grid", "grid.pull.stpe",
           "unknown key", "'step'?"),
    Broken("range of a billion", yaml("step: 0.5", "step: 1e-9"), "grid", "grid.pull",
           "more than 10000", "larger step"),
    Broken("no comparison", yaml("    compare: value\n", ""), "length:\n    unit",
           "observables.length.compare", "missing", "value, curve"),
    Broken("unknown comparison", yaml("compare: value", "compare: curves"), "compare: curves",
           "observables.length.compare", "no comparison 'curves'", "'curve'?"),
    Broken("norm of a value", yaml("compare: value", "compare: value\n    norm: l2"), "norm",
           "observables.length.norm", "belongs to compare: curve", "Delete"),
    Broken("curve over nothing", yaml("    over: time\n", ""), "path:", "observables.path.over",
           "is missing", "Add `over:`"),
    Broken("exponent over two axes", yaml("compare: curve\n    over: time",
           "compare: exponent\n    over: [time, pull]"), "over: [", "observables.path.over",
           "takes at most 1, has 2", "Delete"),
    Broken("relative tolerance of an order", yaml("compare: curve", "compare: order"),
           "tolerance: {relative", "observables.path.tolerance", "no relative tolerance",
           "absolute or log"),
    Broken("one label", yaml("compare: value", "compare: label\n    labels: [a]"), "labels",
           "observables.length.labels", "at least 2, has 1", "Add one"),
    Broken("unknown norm", yaml("over: time", "over: time\n    norm: l3"), "norm",
           "observables.path.norm", "must be one of l2, sup, l1", "one of them"),
    Broken("observable with a typo", yaml("dims: [time]", "dim: [time]"), "dim:",
           "observables.path.dim", "unknown key", "'dims'?"),
    Broken("tolerance zero", yaml("{absolute: 0.2}", "{absolute: 0}"), "absolute: 0}",
           "observables.length.tolerance.absolute", "must be > 0", "Correct"),
    Broken("tolerance negative", yaml("{absolute: 0.2}", "{absolute: -0.2}"), "-0.2",
           "observables.length.tolerance.absolute", "must be > 0, got -0.2", "Correct"),
    Broken("tolerance infinite", yaml("{absolute: 0.2}", "{absolute: .inf}"),
           ".inf}\n    because:\n", "observables.length.tolerance.absolute", "finite", "Correct"),
    Broken("tolerance of two kinds", yaml("{absolute: 0.2}", "{absolute: 0.2, log: 0.1}"), "log",
           "observables.length.tolerance", "got absolute and log", "one of"),
    Broken("tolerance of no kind", yaml("{absolute: 0.2}", "{}"), "tolerance: {}",
           "observables.length.tolerance", "got none", "one of"),
    Broken("tolerance as a number", yaml("{absolute: 0.2}", "0.2"), "tolerance: 0.2",
           "observables.length.tolerance", "must be a mapping", "key: value"),
    Broken("tolerance of an unknown kind", yaml("{absolute: 0.2}", "{absolut: 0.2}"), "absolut:",
           "observables.length.tolerance.absolut", "unknown key", "'absolute'?"),
    Broken("because that does not add up", yaml("noise: 0.15", "noise: 0.25"), "because:\n",
           "observables.length.because", "add up to 0.3, but the tolerance is 0.2", "equal"),
    Broken("because that is empty",
           yaml("because: {noise: 0.1}\ntheories", "because: {}\ntheories"), "because: {}",
           "observables.path.because", "at least 1", "reason"),
    Broken("because as text", yaml("because: {noise: 0.1}\ntheories", "because: noise\ntheories"),
           "because: noise", "observables.path.because", "must be a mapping", "key: value"),
    Broken("no expectation", yaml("{length: 0.0}, expect: fail", "{length: 0.0}"), "no-spring",
           "theories.no-spring.expect", "is missing", "pass, fail or open"),
    Broken("unknown expectation", yaml("expect: fail", "expect: fails"), "no-spring",
           "theories.no-spring.expect", "must be one of pass, fail, open", "'fail'?"),
    Broken("forecast of text", yaml("{length: 0.0}", "{length: short}"), "no-spring",
           "theories.no-spring.forecast", "finite number, got text 'short'", ""),
    Broken("forecast as a list", yaml("forecast: {length: 0.0}", "forecast: [0.0]"), "no-spring",
           "theories.no-spring.forecast", "table of numbers", "theory.window"),
    Broken("regime upside down", yaml("[2, .inf]", "[9, 2]"), "hooke-law",
           "theories.hooke-law.regime.size", "[min, max]", "smaller first"),
    Broken("control without a reason", yaml(", because: two beads are no spring", ""), "tiny",
           "controls.tiny.because", "is missing", "why it must fail"),
    Broken("control with a blank reason", yaml("because: two beads are no spring", "because: ''"),
           "tiny", "controls.tiny.because", "says something", "sentence"),
    Broken("control that changes nothing", yaml("setup: {size: 2}, grid: {pull: [0.0, 1.0]}, ", ""),
           "tiny", "controls.tiny", "changes nothing", "Break setup"),
    Broken("no control", yaml(YAML[YAML.index("controls:") :], "controls: {}\n"), "controls",
           "controls", "at least 1", "must fail"),
    Broken("unknown health check", yaml("id: spring", "id: spring\nsuppress: {overbudget: x}"),
           "suppress", "suppress.overbudget", "must be one of", "'over-budget'?"),
    Broken("free parameters below zero", yaml("id: spring", "id: spring\nfree_parameters: -1"),
           "free_", "free_parameters", ">= 0", "Correct"),
    Broken("revision zero", yaml("id: spring", "id: spring\nrevision: {number: 0}"), "revision",
           "revision.number", ">= 1", "Correct"),
]
# fmt: on

# fmt: off
MEANING = [
    Broken("id unlike the file name", yaml("id: spring", "id: springs"), "id:", "id",
           "named 'spring'", "equal"),
    Broken("strand unlike the folder", yaml("strand: solvable_settings", "strand: universality"),
           "strand", "strand", "folder is predictions/solvable_settings", "Move"),
    Broken("unregistered theory", yaml("hooke-law:", "hook-law:"), "hook-law", "theories.hook-law",
           "no theory 'hook-law'", "'hooke-law'?"),
    Broken("no theory is expected to pass", yaml("expect: pass", "expect: open"), "theories:",
           "theories", "no theory is expected to pass", "finding"),
    Broken("key in setup and sweep", yaml("lags: [1, 2]", "lags: [1, 2], stiffness: 1.0"), "sweep",
           "sweep.stiffness", "given in setup as well", "one place"),
    Broken("key in sweep and grid", yaml("[0.5, 1.0]}", "[0.5, 1.0], pull: [1]}"), "grid: {pull: {",
           "grid.pull", "given in sweep as well", "one place"),
    Broken("tier overrides an unknown key", yaml("{size: 40}", "{sise: 40}"), "sise",
           "tiers.full.setup.sise", "no key 'sise'", "'size'?"),
    Broken("tier sets a swept key", yaml("{size: 40}", "{stiffness: 40}"), "stiffness: 40",
           "tiers.full.setup.stiffness", "is a sweep key", "under sweep"),
    Broken("control overrides an unknown key", yaml("{size: 2}", "{width: 2}"), "tiny",
           "controls.tiny.setup.width", "no key 'width'", "damping"),
    Broken("control sweeps a grid key", yaml("grid: {pull: [0.0, 1.0]}", "sweep: {pull: [0.0]}"),
           "tiny", "controls.tiny.sweep.pull", "is a grid key", "under grid"),
    Broken("control named claim", yaml("  tiny:", "  claim:"), "claim: {", "controls.claim",
           "name of the claim", "Rename"),
    Broken("control of an unknown observable",
           yaml("observables: [length]", "observables: [lenght]"), "[lenght]",
           "controls.loose.observables", "no observable 'lenght'", "'length'?"),
    Broken("tier loosens a tolerance",
           yaml(TIGHTER, TIGHTER.replace("0.1", "0.3")),
           "absolute: 0.3", "tiers.full.tighten.length.tolerance", "not smaller than 0.2",
           "only tighten"),
    Broken("tier changes the kind", yaml("{absolute: 0.1}", "{log: 0.1}"), "log",
           "tiers.full.tighten.length.tolerance", "is log", "keeps the kind"),
    Broken("tier tightens nothing known",
           yaml("      length:\n        tol", "      lenght:\n        tol"), "lenght",
           "tiers.full.tighten.lenght", "no observable", "'length'?"),
    Broken("over an unknown axis", yaml("over: time", "over: times"), "over: times",
           "observables.path.over", "no axis 'times'", "'time'?"),
    Broken("own axis named like a grid key", yaml("dims: [time]", "dims: [time, pull]"), "dims",
           "observables.path.dims", "'pull' is a setup, sweep or grid key", "own axes"),
    Broken("regime of an unknown key", yaml("regime: {size", "regime: {sizes"), "hooke-law",
           "theories.hooke-law.regime.sizes", "no setup key", "'size'?"),
    Broken("table of an unknown observable", yaml("{length: 0.0}", "{lenght: 0.0}"), "no-spring",
           "theories.no-spring.forecast.lenght", "no observable", "'length'?"),
    Broken("two predictions with one id",
           {"../other/spring.yaml": YAML, "../other/theory.py": THEORY}, 1, "id", "is taken by",
           "Rename", "spring.yaml"),
    Broken("theories.yaml without scope",
           {"../../theories.yaml": ("  scope: Nothing pulls.\n", "")}, 5, "no-spring.scope",
           "is missing", "Add `scope:`", "../../theories.yaml"),
    Broken("theories.yaml twice the same", {"../../theories.yaml": THEORIES + THEORIES}, 9,
           "hooke-law", "twice", "Delete", "../../theories.yaml"),
]
# fmt: on

# fmt: off
CODE = [
    Broken("missing module", yaml("theory.hooke", "theorie.hooke"), "hooke-law",
           "theories.hooke-law.forecast", "no theorie.py in spring/", "'theory'?"),
    Broken("missing function", yaml("theory.hooke", "theory.hook"), "hooke-law",
           "theories.hooke-law.forecast", "no function 'hook'", "'hooke'?"),
    Broken("missing experiment", yaml("experiment.train", "experiment.trian"), "experiment:",
           "experiment", "no function 'trian'", "'train'?"),
    Broken("not a function", yaml("theory.hooke", "theory.math"), "hooke-law",
           "theories.hooke-law.forecast", "no function 'math'", "Known: hooke, loose"),
    Broken("import error inside the theory",
           {"theory.py": ("import math", "import maths_of_springs")}, "hooke-law",
           "theories.hooke-law.forecast",
           "theory.py:2: ModuleNotFoundError: No module named 'maths_of_springs'", "Python"),
    Broken("error two imports down", world("from pydantic", "1 / 0\nfrom pydantic"), "experiment:",
           "experiment", "world.py:5: ZeroDivisionError", "Python"),
    Broken("syntax error", {"theory.py": "def hooke(:\n"}, "hooke-law",
           "theories.hooke-law.forecast", "theory.py:1: SyntaxError", "Python"),
    Broken("exit on import", {"theory.py": "raise SystemExit(3)\n"}, "hooke-law",
           "theories.hooke-law.forecast", "theory.py:1: SystemExit", "Python"),
    Broken("import from outside the topic", {"theory.py": ("from .world", "from ..world")},
           "hooke-law", "theories.hooke-law.forecast", "theory.py:4: ImportError", "Python"),
    Broken("experiment without a key",
           {"experiment.py": ("train(setup: Setup, key)", "train(setup: Setup)")}, "experiment:",
           "experiment", "takes (setup), but experiment without `draw:` takes (setup, key)",
           "parameters"),
    Broken("experiment with a draw that is not declared",
           yaml("experiment.train", "experiment.train_with_draw"), "experiment:", "experiment",
           "without `draw:`", "parameters"),
    Broken("forecast with a second parameter",
           {"theory.py": ("hooke(setup: Setup)", "hooke(setup: Setup, measured)")}, "hooke-law",
           "theories.hooke-law.forecast", "takes (setup, measured)", "parameters"),
    Broken("reduction with two parameters",
           yaml("over: time", "over: time\n    reduce: experiment.two"), "reduce",
           "observables.path.reduce", "takes (raw, other), but reduce takes (raw)", "parameters"),
    Broken("experiment without annotation",
           {"experiment.py": ("train(setup: Setup, key)", "train(setup, key)")}, 5, "",
           "annotated with the Setup dataclass", "def train(setup: Setup", "experiment.py"),
    Broken("annotation that is no dataclass",
           {"experiment.py": ("train(setup: Setup, key)", "train(setup: dict, key)")}, 5, "",
           "annotated with the Setup dataclass", "import Setup", "experiment.py"),
    Broken("two Setup classes", {"theory.py": THEORY.replace("from .world import Setup", WORLD)},
           "hooke-law", "theories.hooke-law.forecast", "another Setup class", "one Setup"),
    Broken("theory reaches the experiment",
           {"theory.py": ("import math", "from .experiment import mean")}, "hooke-law",
           "theories.hooke-law.forecast", "reaches experiment.py", "world.py"),
    Broken("theory reaches the experiment by detour",
           {"helper.py": "from . import experiment\n",
            "theory.py": ("import math", "from .helper import experiment")},
           "hooke-law", "theories.hooke-law.forecast", "reaches experiment.py", "world.py"),
    Broken("setup key unknown to the class", yaml("damping: 0.5", "dampings: 0.5"), "setup:",
           "setup.dampings", "Setup has no field 'dampings'", "'damping'?"),
    Broken("setup key missing", yaml("damping: 0.5, ", ""), "setup:", "setup.damping",
           "is missing (friction)", "Add `damping:`"),
    Broken("1.0 for a whole number", yaml("size: 4,", "size: 4.0,"), "setup:", "setup.size",
           "whole number, got 4.0", "point"),
    Broken("out of bounds", yaml("damping: 0.5", "damping: -1"), "setup:", "setup.damping",
           "must be >= 0, got -1", "Correct"),
    Broken("text for a number", yaml("damping: 0.5", "damping: soft"), "setup:", "setup.damping",
           "must be a number, got text 'soft'", "quotes"),
    Broken("unknown choice", yaml("scheme: euler", "scheme: eulr"), "setup:", "setup.scheme",
           "must be one of euler, verlet", "'euler'?"),
    Broken("float in a tuple of whole numbers", yaml("[1, 2]", "[1, 2.5]"), "setup:", "setup.lags",
           "whole number, got 2.5", "point"),
    Broken("swept value out of bounds", yaml("[0.5, 1.0]", "[0.5, 0.0]"), "sweep:",
           "sweep.stiffness", "must be > 0, got 0.0", "Correct"),
    Broken("tier's value out of bounds", yaml("size: 40", "size: 1"), "size: 1}",
           "tiers.full.setup.size", "must be > 1, got 1", "Correct"),
    Broken("control's value out of bounds", yaml("size: 2}", "size: 0}"), "tiny",
           "controls.tiny.setup.size", "must be > 1, got 0", "Correct"),
    Broken("values refused by the class", yaml("size: 4,", "size: 13,"), "setup:", "setup",
           "thirteen beads are bad luck", "Correct"),
    Broken("grid over a static key",
           world("pull: Annotated[float,", "pull: Annotated[float, STATIC,"), "grid:", "grid.pull",
           "no traced float", "`sweep:`"),
    Broken("axis that the class does not have", {"world.py": ('"time"', '"moment"')}, "dims",
           "observables.path.dims", "no axis 'time'", "moment"),
    Broken("axes that fail", {"world.py": ("return {", "return {}[1] + {")}, "setup:", "setup",
           "axes() failed: KeyError", "Python"),
    Broken("field without description", world('Field(description="lags")', "Field()"), "lags:",
           "Setup.lags", "has no description", "description", "world.py"),
    Broken("field with a default", world('description="lags")]', 'description="lags")] = (1,)'),
           "lags:", "Setup.lags", "has a default", "YAML", "world.py"),
    Broken("field of a foreign type", world("tuple[int, ...]", "list"), "lags:", "Setup.lags",
           "has the type list", "tuple", "world.py"),
    Broken("class that can change", world("frozen=True, ", ""), "@dataclass", "Setup", "not frozen",
           "frozen=True", "world.py"),
    Broken("annotation that does not resolve", world("tuple[int, ...]", '"Nothing"'), "@dataclass",
           "Setup", "'Nothing'", "Import", "world.py"),
    Broken("bound of the wrong kind", world("gt=1,", "multiple_of=[],"), "size:", "Setup.size",
           "cannot be checked", "Field", "world.py"),
    Broken("forecast of nothing known", theory('return {"lenght": 0.0}'), "hooke-law",
           "theories.hooke-law.forecast", "no observable 'lenght'", "'length'?"),
    Broken("forecast that is not a table", theory("return 0.0"), "hooke-law",
           "theories.hooke-law.forecast", "not a table", "dictionary"),
    Broken("forecast that is not finite", theory('return {"length": math.nan}'), "hooke-law",
           "theories.hooke-law.forecast", "not finite", "OutOfScope"),
    Broken("forecast that breaks", theory("return 1 / 0"), "hooke-law",
           "theories.hooke-law.forecast", "ZeroDivisionError", "Python"),
    Broken("forecast of the wrong shape", theory('return {"path": 1.0, "length": 0.0}'),
           "hooke-law", "theories.hooke-law.forecast", "has shape ()", "axis"),
    Broken("an observable that nobody forecasts", theory('return {"length": 0.0}'), "path:",
           "observables.path", "no theory forecasts it", "Delete"),
    Broken("claim out of scope", {"spring.yaml": YAML.replace("[2, .inf]", "[8, .inf]")},
           "hooke-law", "theories.hooke-law.forecast", "expected to pass, but is out of scope",
           "regime"),
]
# fmt: on


def write(folder: Path, changes: dict[str, str | bytes | tuple[str, str]]) -> Path:
    """Write the topic with changes; return its folder."""
    topic = folder / "predictions" / "solvable_settings" / "spring"
    files: dict[str, str | bytes] = {
        "spring.yaml": YAML,
        "theory.py": THEORY,
        "experiment.py": EXPERIMENT,
        "world.py": WORLD,
        "../../theories.yaml": THEORIES,
    }
    for name, change in changes.items():
        if isinstance(change, tuple):
            original = files[name]
            assert isinstance(original, str) and change[0] in original
            files[name] = original.replace(*change, 1)
        else:
            files[name] = change
    for name, text in files.items():
        (topic / name).parent.mkdir(parents=True, exist_ok=True)
        (topic / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return topic


def problems(folder: Path) -> list[Problem]:
    """What reading and checking a tree find."""
    try:
        return check(list(read_tree([folder])))
    except AssayError as error:
        return list(error.problems)


def test_the_topic_itself_is_valid(tmp_path: Path) -> None:
    write(tmp_path, {})
    assert problems(tmp_path) == []
    assert len(read_tree([tmp_path])) == 1


@pytest.mark.parametrize(
    "broken", [*SYNTAX, *SHAPE, *MEANING, *CODE], ids=lambda broken: broken.name.replace(" ", "-")
)
def test_broken_file(broken: Broken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = (write(tmp_path, broken.changes) / broken.file).resolve()

    found = problems(tmp_path)

    reported = [
        problem for problem in found if problem.path == broken.path and broken.what in problem.what
    ]
    assert reported, f"expected {broken.path}: {broken.what}, got: {[str(p) for p in found]}"
    problem = reported[0]
    assert problem.file is not None and problem.file.resolve() == file
    assert broken.remedy in problem.remedy and problem.remedy
    assert problem.line == (line_of(file, broken.at) if isinstance(broken.at, str) else broken.at)
    assert "\n" not in str(problem) and str(problem).endswith((".", "?"))
    assert not (tmp_path / "canary").exists()


def test_reading_executes_nothing(tmp_path: Path) -> None:
    bomb = "raise SystemExit('reading must not import')\n"
    write(tmp_path, dict.fromkeys(("theory.py", "experiment.py", "world.py"), bomb))
    assert len(read_tree([tmp_path])) == 1


def test_all_errors_of_all_files_at_once(tmp_path: Path) -> None:
    write(tmp_path, {"spring.yaml": YAML.replace("title: A", "titel: A").replace("1678", "no")})
    second = tmp_path / "predictions" / "solvable_settings" / "second"
    second.mkdir()
    (second / "theory.py").write_text(THEORY)
    (second / "second.yaml").write_text("id: second\n")

    found = problems(tmp_path)

    assert {problem.file.name for problem in found if problem.file} == {
        "spring.yaml",
        "second.yaml",
    }
    paths = [problem.path for problem in found]
    assert {"titel", "title", "sources[0].year", "theories"} <= set(paths)


def line_of(file: Path, piece: str) -> int:
    """The number of the first line that begins or contains a piece of text (one may span lines)."""
    text = file.read_text()
    return text[: text.index(piece)].count("\n") + 1
