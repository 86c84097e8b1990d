"""What a prediction promises, as a hash: claim, criteria, and the code of its forecasts.

Not in the promise, and so free to change: title, sources, findings, suppressed checks, budgets,
what is expected of rivals, comments and blank lines, and the experiment that measures.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import math
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from harness.errors import AssayError
from harness.schema import Prediction

_FREE: Final[Any] = {
    **dict.fromkeys(("title", "sources", "finding", "suppress", "revision", "retired"), True),
    "tiers": {"__all__": {"budget_s"}},
    "theories": {"__all__": {"expect", "finding"}},
}
"""Keys that are not in the promise."""

SHARED: Final = "harness.theory"
_SHARED_FOLDER: Final = Path(__file__).parent / "theory"


def promise_hash(prediction: Prediction) -> str:
    """Return the SHA-256 of what is promised; raises AssayError for code that cannot be read."""
    content = {**_declared(prediction), "code": _code(prediction)}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def reachable(folder: Path, modules: Iterable[str]) -> list[Path]:
    """Return the topic's files that `modules` import, directly or not, and themselves, sorted.

    Only relative imports are followed, as far as the folder; nothing is executed.
    """
    found: set[Path] = set()
    waiting = [folder / f"{module}.py" for module in modules]
    while waiting:
        file = waiting.pop()
        if file not in found and file.is_file():
            found.add(file)
            waiting += [folder / f"{module}.py" for module in _imported(_tree(file))]
    return sorted(found)


def forecast_modules(prediction: Prediction) -> set[str]:
    """Return the modules that forecasts are named in."""
    forecasts = [entry.forecast for entry in prediction.theories.values()]
    forecasts += [control.forecast for control in prediction.controls.values() if control.forecast]
    return {forecast.partition(".")[0] for forecast in forecasts if isinstance(forecast, str)}


def _declared(prediction: Prediction) -> dict[str, Any]:
    """Return what the YAML file promises."""
    theory = prediction.claims_theory
    dumped = prediction.model_dump(mode="json", exclude=_FREE, exclude_defaults=True)
    expected = {"theory": theory, "expect": prediction.theories[theory].expect}
    return {**_normal(dumped), "expected": expected}


def _normal(value: Any) -> Any:
    """Make text independent of how it is wrapped."""
    if isinstance(value, dict):
        return {" ".join(key.split()): _normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(item) for item in value]
    if isinstance(value, float) and math.isinf(value):
        return str(value)
    return " ".join(value.split()) if isinstance(value, str) else value


def _code(prediction: Prediction) -> dict[str, str]:
    """Return the code of forecasts by file, and of reductions and shared theory by reference."""
    folder = prediction.folder
    files = reachable(folder, forecast_modules(prediction))
    code = {file.name: _compact(_uncommented(file)) for file in files} | _shared(files)
    for observable in prediction.observables.values():
        if observable.reduce is not None:
            module, _, name = observable.reduce.partition(".")
            file = folder / f"{module}.py"
            if file.is_file():
                code[observable.reduce] = _compact(_lines(file, _definition(file, name)))
    return code


def _shared(files: Iterable[Path]) -> dict[str, str]:
    """Return the code of what files use of `harness.theory`, directly or not, by reference."""
    code: dict[str, str] = {}
    waiting = [used for file in files for used in _shared_names(_tree(file))]
    while waiting:
        module, name = waiting.pop()
        file = _SHARED_FOLDER / f"{module}.py"
        if f"{SHARED}.{module}.{name}" in code or not file.is_file():
            continue
        nodes = _definition(file, name)
        code[f"{SHARED}.{module}.{name}"] = _compact(_lines(file, nodes))
        named = {part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)}
        waiting += [used for used in _shared_names(_tree(file), inside=True) if used[1] in named]
    return code


def _shared_names(tree: ast.Module, *, inside: bool = False) -> Iterator[tuple[str, str]]:
    """Return (module, name) of what is imported from `harness.theory`, `inside` it also by dot."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        package, _, module = node.module.rpartition(".")
        if (package, node.level) == (SHARED, 0) or (inside and (package, node.level) == ("", 1)):
            yield from ((module, name.name) for name in node.names)


def _definition(file: Path, name: str) -> list[ast.stmt]:
    """Return what defines a name and all that it uses at the top level of its file, in order."""
    tops = {bound: node for node in _tree(file).body for bound in _bound_names(node)}
    wanted, waiting = set[ast.stmt](), [name]
    while waiting:
        node = tops.get(waiting.pop())
        if node is not None and node not in wanted:
            wanted.add(node)
            waiting += [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    return sorted(wanted, key=lambda node: node.lineno)


def _lines(file: Path, nodes: Iterable[ast.stmt]) -> list[str]:
    """Return the lines of definitions, with their decorators and without comments."""
    lines = _uncommented(file)
    kept: list[str] = []
    for node in nodes:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        kept += lines[first - 1 : node.end_lineno]
    return kept


def _bound_names(node: ast.stmt) -> Iterator[str]:
    """Return the names that a top-level statement defines (imports apart)."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Assign() | ast.AnnAssign():
            for part in ast.walk(node):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    yield part.id


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            if node.module:
                yield node.module.partition(".")[0]
            else:
                yield from (name.name for name in node.names)


def _tree(file: Path) -> ast.Module:
    try:
        return ast.parse(_source(file), filename=str(file))
    except SyntaxError as error:
        raise _unreadable(file, error.lineno, error.msg) from None


def _uncommented(file: Path) -> list[str]:
    """Return the lines of a Python file without their comments."""
    source = _source(file)
    lines = source.splitlines()
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column]
    except (tokenize.TokenError, SyntaxError) as error:
        raise _unreadable(file, None, str(error)) from None
    return lines


def _compact(lines: list[str]) -> str:
    stripped = (line.rstrip() for line in lines)
    return "\n".join(line for line in stripped if line)


def _source(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise _unreadable(file, None, "it is not UTF-8") from None


def _unreadable(file: Path, line: int | None, why: str) -> AssayError:
    return AssayError(
        f"cannot be read as Python: {why}", file=file, line=line, remedy="Correct the file."
    )
