"""The course's trained weights, such as ``unet_k3_f32.pkl``: torch's format of 2018, saved on a GPU.

torch reads them with ``weights_only``, which refuses whatever is not a tensor, so a file may come from anywhere.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from reference.pickles import DataError

__all__ = ["load_into", "read_weights"]


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, on the CPU. Raises DataError."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as exc:
        raise DataError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    except Exception as exc:  # torch raises what its unpickler meets, from EOFError to UnpicklingError
        raise DataError(f"{path} is not a file of weights torch reads safely ({type(exc).__name__}): "
                        "use the course's own file")  from exc  # fmt: skip
    if not isinstance(state, dict):
        raise DataError(f"{path} holds a {type(state).__name__}, where a dict of weights by name is expected")
    if not state:
        raise DataError(f"{path} holds no weights")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise DataError(f"{path} holds a {type(value).__name__} under {name!r}, where only tensors are allowed")
    return dict(state)


def load_into(model: nn.Module, path: Path) -> None:
    """Give ``model`` the weights at ``path``. Raises DataError, and leaves the model alone, where they do not fit."""
    weights = read_weights(path)
    # Batch-norm counts its batches only since torch 0.4.1; evaluation does not use the number.
    expected = {name: value for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    for name, value in expected.items():
        if name not in weights:
            raise DataError(f"{path} has no '{name}', which {type(model).__name__} needs: is it another network's?")
        if weights[name].shape != value.shape:
            raise DataError(f"{path} has '{name}' of shape {tuple(weights[name].shape)}, where this "
                            f"{type(model).__name__} has {tuple(value.shape)}: see its kernel and filters")  # fmt: skip
    extra = [name for name in weights if name not in model.state_dict()]
    if extra:
        raise DataError(f"{path} has '{extra[0]}', which {type(model).__name__} has not: is it another network's?")
    model.load_state_dict(weights, strict=False)
