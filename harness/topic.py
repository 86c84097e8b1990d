"""The Python side of a topic folder: its functions, loaded by path, and its Setup class."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from threading import Lock
from types import MappingProxyType, ModuleType
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from harness.api import STATIC
from harness.errors import AssayError, Problem, raise_all
from harness.explain import Content, sentence
from harness.schema import Prediction
from harness.strict_yaml import KeyPath, dotted
from harness.suggest import choices

ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "experiment": ("setup", "key", "draw"),
    "draw": ("setup", "key"),
    "forecast": ("setup", "draw"),
    "reduce": ("raw",),
}
"""What a topic function is for, and its parameters; `draw` only where the prediction has one."""

_SCALARS: Final = (bool, int, float, str)
_ALLOWED: Final = "Use int, float, bool, str, Literal, or a tuple of int, float or str."
_DESCRIBED: Final = "Write Annotated[type, Field(description=...)]."
_PACKAGES: Final = Lock()
_HINTS: Final[dict[type[Any], Mapping[str, tuple[Any, tuple[Any, ...]]]]] = {}
_VALIDATORS: Final[dict[type[Any], Mapping[str, TypeAdapter[Any]]]] = {}


def load_function(
    prediction: Prediction, reference: str, expecting: str, at: KeyPath | None = None
) -> Callable[..., Any]:
    """Return the function that `module.function` names in the prediction's topic folder.

    `expecting` is its role (a key of ROLES), `at` the key path of the reference in the file (found
    if not given). Raises AssayError at that line when the module or the function is missing, when
    importing it fails, or when its parameters do not fit the role.
    """
    path = _find(prediction.document.data, reference) if at is None else at
    module_name, _, name = reference.partition(".")
    try:
        module = load_module(prediction.folder, module_name)
        function = _function(module, name)
        _check_parameters(function, reference, expecting, prediction.draw is not None)
    except AssayError as error:
        raise AssayError(
            error.what,
            remedy=error.remedy,
            file=prediction.source,
            line=prediction.line(*path),
            path=dotted(path),
        ) from error.__cause__
    return function


def load_module(folder: Path, name: str) -> ModuleType:
    """Import `name`.py of a topic folder as part of a package of its own; raises AssayError."""
    if not (folder / f"{name}.py").is_file():
        raise AssayError(
            f"there is no {name}.py in {folder.name}/",
            remedy=choices(name, (file.stem for file in folder.glob("*.py"))),
        )
    package = _package(folder.resolve())
    try:
        return importlib.import_module(f"{package}.{name}")
    except (Exception, SystemExit) as error:
        raise AssayError(
            f"importing {name}.py failed at {_place(error, folder)}: "
            f"{type(error).__name__}: {_first_line(error)}",
            remedy="Correct the Python file.",
        ) from error


def takes_draw(forecast: Callable[..., Any]) -> bool:
    """Say whether a forecast is conditional on a seed's draw."""
    return len(_required(forecast)) == len(ROLES["forecast"])


def setup_class(function: Callable[..., Any]) -> type[Any]:
    """Return the Setup dataclass that annotates a function's first parameter; raises AssayError."""
    inner = inspect.unwrap(function)
    if not inspect.isfunction(inner):
        raise AssayError(f"{function!r} is not a function", remedy="Write def ...(setup: Setup).")
    first = next(iter(inspect.signature(inner).parameters.values()), None)
    annotation = None if first is None else first.annotation
    if isinstance(annotation, str):
        holder = type("_", (), {"__annotations__": {"setup": annotation}})
        try:
            annotation = get_type_hints(holder, globalns=inner.__globals__)["setup"]
        except NameError:
            annotation = None
    if not (isinstance(annotation, type) and dataclasses.is_dataclass(annotation)):
        raise AssayError(
            f"the first parameter of {inner.__name__} must be annotated with the Setup dataclass",
            remedy=f"Write def {inner.__name__}(setup: Setup, ...) and import Setup at the top.",
            file=Path(inner.__code__.co_filename),
            line=inner.__code__.co_firstlineno,
        )
    _adapters(annotation)
    return annotation


def build_setup(
    cls: type[Any],
    values: Mapping[str, Any],
    prediction: Prediction | None = None,
    origins: Mapping[str, KeyPath] = MappingProxyType({}),
) -> Any:
    """Return the Setup that holds `values`, checked against its types and bounds.

    `origins` says from which key path of the file a value came (default: wherever the prediction
    gives it). Raises AssayError(s) at those lines: key unknown or missing, type or bounds wrong.
    """
    adapters = _adapters(cls)
    problems: list[Problem] = []
    checked: dict[str, Any] = {}

    def report(key: str, what: str, remedy: str, inside: KeyPath = ()) -> None:
        path = origins.get(key) or _origin(prediction, key)
        problems.append(
            Problem(
                what=what,
                remedy=remedy,
                file=None if prediction is None else prediction.source,
                line=None if prediction is None else prediction.line(*path, *inside),
                path=dotted((*path, *inside)),
            )
        )

    for key, value in values.items():
        if key not in adapters:
            report(key, f"{cls.__name__} has no field '{key}'", choices(key, adapters))
            continue
        try:
            checked[key] = adapters[key].validate_python(
                tuple(value) if isinstance(value, list) else value
            )
        except ValidationError as error:
            for details in error.errors(include_url=False):
                report(key, *sentence(details, ("setup", key), Content()))
    for key in adapters.keys() - values.keys():
        report(key, f"is missing ({_description(cls, key)})", f"Add `{key}:`")
    raise_all(problems)
    try:
        return cls(**checked)
    except (ValueError, TypeError, AssertionError) as error:
        report("", f"{cls.__name__} refuses these values: {_first_line(error)}", "Correct them.")
        raise_all(problems)


def static_fields(cls: type[Any]) -> tuple[str, ...]:
    """Return the fields that an experiment sees as plain Python values."""
    traced = traced_fields(cls)
    return tuple(field.name for field in dataclasses.fields(cls) if field.name not in traced)


def traced_fields(cls: type[Any]) -> tuple[str, ...]:
    """Return the float fields without STATIC: the experiment sees them as traced scalars."""
    return tuple(
        name
        for name, (kind, metadata) in _hints(cls).items()
        if kind is float and STATIC not in metadata
    )


def _package(folder: Path) -> str:
    """Return the name of the package that stands for a folder, made on first use."""
    name = f"assay_topic_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
    with _PACKAGES:
        if name not in sys.modules:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(folder)]
            sys.modules[name] = module_from_spec(spec)
            importlib.invalidate_caches()
    return name


def _function(module: ModuleType, name: str) -> Callable[..., Any]:
    function = getattr(module, name, None)
    file = Path(str(module.__file__)).name
    if not callable(function):
        public = [key for key, value in vars(module).items() if _is_own(value, module)]
        what = f"{file} has no function '{name}'"
        raise AssayError(what, remedy=choices(name, public))
    return function  # type: ignore[no-any-return]


def _is_own(value: object, module: ModuleType) -> bool:
    return inspect.isfunction(value) and value.__module__ == module.__name__


def _required(function: Callable[..., Any]) -> list[str]:
    """Return the parameters that must be given."""
    return [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def _signatures(role: str, has_draw: bool) -> tuple[tuple[str, ...], ...]:
    """Return the parameter lists that a role allows."""
    full = ROLES[role]
    short = tuple(name for name in full if name != "draw")
    if role == "forecast":
        return (short, full) if has_draw else (short,)
    return (full,) if has_draw else (short,)


def _check_parameters(
    function: Callable[..., Any], reference: str, role: str, has_draw: bool
) -> None:
    allowed = _signatures(role, has_draw)
    given = _required(function)
    if len(given) not in map(len, allowed):
        wanted = " or ".join(f"({', '.join(names)})" for names in allowed)
        without = " without `draw:`" if "draw" in ROLES[role] and not has_draw else ""
        raise AssayError(
            f"{reference} takes ({', '.join(given)}), but {role}{without} takes {wanted}",
            remedy="Change the parameters of the function.",
        )


def _place(error: BaseException, folder: Path) -> str:
    """Return file:line of the innermost line of the topic's own code that an error went through."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if folder.resolve() in Path(frame.filename).resolve().parents
    ]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else folder.name


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]


def _find(data: Any, reference: str, path: KeyPath = ()) -> KeyPath:
    """Return the key path of the first value equal to `reference`; () if there is none."""
    items = data.items() if isinstance(data, dict) else ()
    for key, value in items:
        if value == reference:
            return (*path, key)
        inner = _find(value, reference, (*path, key))
        if inner:
            return inner
    return ()


def _origin(prediction: Prediction | None, key: str) -> KeyPath:
    for place in ("setup", "sweep", "grid"):
        if prediction is not None and key in getattr(prediction, place):
            return (place, key)
    return ("setup", key) if key else ("setup",)


def _hints(cls: type[Any]) -> Mapping[str, tuple[Any, tuple[Any, ...]]]:
    """Return type and Annotated metadata of every field."""
    if cls in _HINTS:
        return _HINTS[cls]
    try:
        hints = get_type_hints(cls, include_extras=True)
    except Exception as error:
        raise AssayError(
            f"the annotations cannot be resolved: {error}",
            remedy="Import what they name at the top of the file.",
            **_place_of(cls),
        ) from error
    split = {}
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        annotated = get_origin(hint) is Annotated
        split[field.name] = (
            (get_args(hint)[0], tuple(hint.__metadata__)) if annotated else (hint, ())
        )
    _HINTS[cls] = split
    return split


def _adapters(cls: type[Any]) -> Mapping[str, TypeAdapter[Any]]:
    """Return the validator of every field; raises AssayError(s) for a class unlike the contract."""
    if cls not in _VALIDATORS:
        raise_all(_contract_problems(cls))
        hints = get_type_hints(cls, include_extras=True)
        _VALIDATORS[cls] = {name: _adapter(cls, name, hints[name]) for name in _hints(cls)}
    return _VALIDATORS[cls]


def _adapter(cls: type[Any], name: str, hint: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(hint, config=ConfigDict(strict=True, allow_inf_nan=False))
    except Exception as error:
        raise AssayError(
            f"cannot be checked: {_first_line(error)}",
            remedy="Correct its Field(...).",
            **_place_of(cls, name),
        ) from error


def _contract_problems(cls: type[Any]) -> list[Problem]:
    broken: list[tuple[str, str, str]] = []
    if not cls.__dataclass_params__.frozen:
        broken.append(("", "is not frozen", "Write @dataclass(frozen=True, kw_only=True)."))
    for field in dataclasses.fields(cls):
        kind, _ = _hints(cls)[field.name]
        if not _allowed(kind):
            broken.append((field.name, f"has the type {_type_name(kind)}", _ALLOWED))
        if not _description(cls, field.name):
            broken.append((field.name, "has no description", _DESCRIBED))
        if {field.default, field.default_factory} != {dataclasses.MISSING}:
            broken.append((field.name, "has a default", "Let the YAML file give every value."))
    return [
        Problem(what=what, remedy=remedy, **_place_of(cls, name)) for name, what, remedy in broken
    ]


def _place_of(cls: type[Any], name: str = "") -> dict[str, Any]:
    """Return file, line and path of a class or of one of its fields."""
    lines, first = inspect.getsourcelines(cls)
    own = re.compile(rf"\s+{name}\s*:")
    offset = next((i for i, line in enumerate(lines) if name and own.match(line)), 0)
    return {
        "file": Path(inspect.getfile(cls)),
        "line": first + offset,
        "path": f"{cls.__name__}.{name}".rstrip("."),
    }


def _type_name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _allowed(kind: Any) -> bool:
    if get_origin(kind) is tuple:
        match get_args(kind):
            case (item, rest) if rest is Ellipsis:
                return item in (int, float, str)
        return False
    return kind in _SCALARS or get_origin(kind) is Literal


def _description(cls: type[Any], name: str) -> str:
    metadata = _hints(cls)[name][1]
    found = (item.description for item in metadata if isinstance(item, FieldInfo))
    return next((text for text in found if text), "")
