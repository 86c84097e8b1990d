"""The plain values that a prediction file is made of: text, names, numbers, axes, references.

Each is an annotated type for the classes of `schema`: a check with one clear message, and its JSON
Schema.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

KEBAB: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"
IDENTIFIER: Final = r"^[A-Za-z][A-Za-z0-9_]*$"
REFERENCE: Final = r"^[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*$"
MAX_GRID_POINTS: Final = 10_000

Scalar: TypeAlias = bool | int | float | str
Value: TypeAlias = Scalar | tuple[int | float, ...] | tuple[str, ...]

_WHOLE: Final = 1e-6
_SHOWN: Final = 60


def broken(what: str, remedy: str) -> PydanticCustomError:
    """Return the error of a check: what is wrong and what to do."""
    return PydanticCustomError("assay", "{what}", {"what": what, "remedy": remedy})


def shown(raw: object) -> str:
    """Return a value as the user wrote it, shortened."""
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, dict):
        return "a mapping"
    text = " ".join((f"text '{raw}'" if isinstance(raw, str) else str(raw)).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


class Model(BaseModel):
    """Frozen, strict, closed: unknown keys are errors and no value is converted in silence."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_by_alias=True
    )


def _is_number(raw: object) -> bool:
    return isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw)


def _number(raw: Any) -> int | float:
    if not _is_number(raw):
        raise broken(f"must be a finite number, got {shown(raw)}", "Write a number such as 1e-3.")
    return raw  # type: ignore[no-any-return]


def _value(raw: Any) -> Value:
    if isinstance(raw, bool | str) or _is_number(raw):
        return raw  # type: ignore[no-any-return]
    items = raw if isinstance(raw, list | tuple) else ()
    if items and (all(map(_is_number, items)) or all(isinstance(item, str) for item in items)):
        return tuple(items)
    raise broken(
        f"must be a finite number, text, true, false or a list of these, got {shown(raw)}",
        "Write one plain value.",
    )


def _points(raw: Any) -> tuple[Value, ...]:
    if not isinstance(raw, list | tuple) or not raw:
        raise broken(f"must be a list of values, got {shown(raw)}", "Write [a, b, c].")
    values = tuple(_value(item) for item in raw)
    if len(set(values)) < len(values):
        raise broken("names a value twice", "Keep each value once.")
    return values


def _numbers(raw: Any) -> tuple[float, ...]:
    return tuple(float(_number(value)) for value in _points(raw))


def _table_entry(raw: Any) -> Any:
    if isinstance(raw, list | tuple) and raw:
        return tuple(_table_entry(item) for item in raw)
    return _number(raw)


def _reference(raw: Any) -> str:
    parts = raw.split(".") if isinstance(raw, str) else ()
    match parts:
        case [module, function] if module.isidentifier() and function.isidentifier():
            return f"{module}.{function}"
    raise broken(
        f"must be module.function in this folder, got {shown(raw)}",
        "Write for example theory.window.",
    )


def _forecast(raw: Any) -> str | dict[str, Any]:
    if isinstance(raw, str):
        return _reference(raw)
    if isinstance(raw, dict) and raw:
        return {str(name): _table_entry(value) for name, value in raw.items()}
    raise broken(
        f"must be module.function or a table of numbers, got {shown(raw)}",
        "Write theory.window, or {observable: number}.",
    )


def _one_or_many(raw: Any) -> Any:
    if isinstance(raw, str):
        return (raw,)
    return tuple(raw) if isinstance(raw, list) else raw


def _interval(raw: Any) -> tuple[float, float]:
    match raw:
        case [int() | float() as low, int() | float() as high] if low <= high:
            return (float(low), float(high))
    raise broken(f"must be [min, max], got {shown(raw)}", "Write two numbers, the smaller first.")


_NUMBER_SCHEMA: Final = {"type": "number"}
_VALUE_SCHEMA: Final = {
    "anyOf": [
        {"type": ["number", "string", "boolean"]},
        {"type": "array", "items": _NUMBER_SCHEMA, "minItems": 1},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]
}
_POINTS_SCHEMA: Final = {
    "type": "array",
    "items": _VALUE_SCHEMA,
    "minItems": 1,
    "uniqueItems": True,
}
_REFERENCE_SCHEMA: Final = {"type": "string", "pattern": REFERENCE}
_NAME_SCHEMA: Final = {"type": "string", "pattern": IDENTIFIER}
_FORECAST_SCHEMA: Final = {
    "anyOf": [
        _REFERENCE_SCHEMA,
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": [_NUMBER_SCHEMA, {"type": "array", "minItems": 1}]},
        },
    ]
}

# Without it, pydantic warns when it writes a value that a plain validator has let pass.
_AS_IT_IS: Final = PlainSerializer(lambda value: value)

Text: TypeAlias = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Kebab: TypeAlias = Annotated[str, StringConstraints(pattern=KEBAB)]
Identifier: TypeAlias = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
Reference: TypeAlias = Annotated[
    str, PlainValidator(_reference), _AS_IT_IS, WithJsonSchema(_REFERENCE_SCHEMA)
]
Forecast: TypeAlias = Annotated[
    str | dict[str, Any], PlainValidator(_forecast), _AS_IT_IS, WithJsonSchema(_FORECAST_SCHEMA)
]
SetupValue: TypeAlias = Annotated[
    Value, PlainValidator(_value), _AS_IT_IS, WithJsonSchema(_VALUE_SCHEMA)
]
SweepAxis: TypeAlias = Annotated[
    tuple[Value, ...], PlainValidator(_points), _AS_IT_IS, WithJsonSchema(_POINTS_SCHEMA)
]
Interval: TypeAlias = Annotated[
    tuple[float, float],
    PlainValidator(_interval),
    _AS_IT_IS,
    WithJsonSchema({"type": "array", "items": _NUMBER_SCHEMA, "minItems": 2, "maxItems": 2}),
]
Names: TypeAlias = Annotated[
    tuple[Identifier, ...],
    BeforeValidator(_one_or_many),
    WithJsonSchema({"anyOf": [_NAME_SCHEMA, {"type": "array", "items": _NAME_SCHEMA}]}),
]


class Range(Model):
    """Equally spaced values of a grid axis, both ends included."""

    start: float = Field(alias="from", description="first value")
    stop: float = Field(alias="to", description="last value, a whole number of steps away")
    step: Positive = Field(description="distance between neighbouring values")

    @model_validator(mode="after")
    def _whole_steps(self) -> Range:
        steps = (self.stop - self.start) / self.step
        if steps < 0:
            raise broken("`to` lies below `from`", "Swap the two ends.")
        if steps >= MAX_GRID_POINTS:
            raise broken(f"has more than {MAX_GRID_POINTS} values", "Take a larger step.")
        if abs(steps - round(steps)) > _WHOLE:
            raise broken("`to` is not a whole number of steps from `from`", "Move `to`.")
        return self

    def values(self) -> tuple[float, ...]:
        """Return the axis."""
        steps = round((self.stop - self.start) / self.step)
        return tuple(round(self.start + i * self.step, 12) for i in range(steps + 1))


GridAxis: TypeAlias = Annotated[
    Annotated[Range, Tag("range")]
    | Annotated[
        tuple[float, ...],
        PlainValidator(_numbers),
        WithJsonSchema({**_POINTS_SCHEMA, "items": _NUMBER_SCHEMA}),
        Tag("list"),
    ],
    Discriminator(lambda raw: "range" if isinstance(raw, dict | Range) else "list"),
    AfterValidator(lambda axis: axis.values() if isinstance(axis, Range) else axis),
    _AS_IT_IS,
]
