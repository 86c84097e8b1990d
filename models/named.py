"""Networks by name: a setup's `model` is an import path, so that another one can take its place."""

import difflib
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
from flax import nnx

from models.layers import Dense
from models.parametrisation import Role

Constructor: TypeAlias = Callable[..., Any]


class UnusableModelError(ValueError):
    """What a setup names cannot be used as its network; `remedy` says what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


@runtime_checkable
class OwnReadout(Protocol):
    """What a module implements whose readout is no `models.layers.Dense`."""

    def zero_readout(self) -> None:
        """Make the output zero for every input, and leave the features as they are."""
        ...


def model_class(path: str, package: str | None = None) -> Constructor:
    """What `package.module:Class` names; `.module:Class` is looked up in `package`.

    Raises UnusableModelError when there is no such module or class.
    """
    module_name, colon, class_name = path.partition(":")
    if not colon or not module_name or not class_name:
        raise UnusableModelError(f"'{path}' is no import path", "Write package.module:Class.")
    try:
        module = import_module(module_name, package)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if not f"{(package or '') if path.startswith('.') else ''}{module_name}".startswith(
            missing
        ):
            raise  # the module is there, and imports what is not
        raise UnusableModelError(
            f"there is no module '{module_name}'",
            "Start in the folder that holds it, or install its package.",
        ) from None
    found: Constructor | None = getattr(module, class_name, None)
    if found is None:
        known = [name for name, value in vars(module).items() if inspect.isclass(value)]
        near = difflib.get_close_matches(class_name, known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"It has: {', '.join(known)}."
        raise UnusableModelError(f"'{module_name}' has no class '{class_name}'", hint)
    return found


def build_model(path: str, key: jax.Array, **sizes: Any) -> Any:
    """The network that `path` names at initialisation; it is called as `models.mlp:MLP` is.

    Its parameters have the precision in which training runs. Raises UnusableModelError as
    `model_class` does, and when the constructor does not take `sizes`.
    """
    constructor = model_class(path)
    try:
        if inspect.isclass(constructor):  # its metaclass takes anything
            inspect.signature(constructor.__init__).bind(None, key, **sizes)
    except TypeError as error:
        call = ", ".join(["key", *(f"{name}={value!r}" for name, value in sizes.items())])
        raise UnusableModelError(
            f"{path} cannot be called as {path.partition(':')[2]}({call}): {error}",
            "Give its constructor these arguments, or **others for those that do not matter "
            "(docs/your-network.md).",
        ) from None
    model = constructor(key, **sizes)
    if isinstance(model, nnx.Module):  # Flax's own layers are float32 unless told otherwise
        precision = jnp.result_type(float)
        weights = nnx.state(model, nnx.Param)
        nnx.update(model, jax.tree.map(lambda leaf: leaf.astype(precision), weights))
    return model


def zero_readout(model: nnx.Module) -> None:
    """Set the readout's weights to zero, so that every network starts as the same function.

    Raises UnusableModelError for a module without `zero_readout` and without a readout layer of the
    class `models.layers.Dense`.
    """
    if isinstance(model, OwnReadout):
        model.zero_readout()
        return
    layers = [module for _, module in nnx.iter_modules(model) if isinstance(module, Dense)]
    readouts = [layer for layer in layers if layer.role is Role.READOUT]
    if not readouts:
        raise UnusableModelError(
            f"{type(model).__name__} has no readout that could be set to zero",
            "Make it a models.layers.Dense of the role READOUT, give the class a method "
            "zero_readout(), or use --set readout=random.",
        )
    for layer in readouts:
        layer.kernel[...] = jnp.zeros_like(layer.kernel[...])
