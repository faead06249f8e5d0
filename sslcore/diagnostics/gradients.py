"""Which term of a loss is pulling, and how hard?"""

from collections.abc import Iterable

import torch
from torch import Tensor


def gradient_norms(terms: dict[str, Tensor], parameters: Iterable[Tensor]) -> dict[str, float]:
    """The Euclidean norm of the gradient of each term with respect to all parameters together.

    Costs one backward pass for each term and keeps the graph alive, so the caller can still call
    ``backward``; ``.grad`` is not touched. Call it now and then, not at every step.

    Args:
        terms: scalars by name, before ``backward``. A term without a graph counts as 0.
        parameters: the tensors to differentiate by; those a term does not reach count as 0.
    """
    parameters = [parameter for parameter in parameters if parameter.requires_grad]
    return {name: _norm(term, parameters) for name, term in terms.items()}


def _norm(term: Tensor, parameters: list[Tensor]) -> float:
    if not parameters or not term.requires_grad:
        return 0.0
    gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
    reached = [gradient.float().norm() for gradient in gradients if gradient is not None]
    return torch.stack(reached).norm().item() if reached else 0.0
