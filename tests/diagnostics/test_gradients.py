import pytest
import torch

from sslcore.diagnostics import gradient_norms


def test_each_term_has_the_norm_of_its_own_gradient():
    w, b = torch.ones(2, requires_grad=True), torch.ones(1, requires_grad=True)
    terms = {"sum": (3 * w).sum() + 4 * b.sum(), "square": w.pow(2).sum(), "constant": torch.ones(())}
    norms = gradient_norms(terms, [w, b])
    assert norms == {"sum": pytest.approx(34**0.5), "square": pytest.approx(8**0.5), "constant": 0.0}


def test_the_graph_and_the_gradients_are_left_for_the_caller():
    w = torch.ones(3, requires_grad=True)
    loss = w.pow(2).sum()
    gradient_norms({"loss": loss}, [w])
    assert w.grad is None
    loss.backward()
    assert torch.equal(w.grad, torch.full((3,), 2.0))


def test_parameters_that_need_no_gradient_are_left_out():
    frozen = torch.ones(3)
    assert gradient_norms({"loss": torch.ones(3, requires_grad=True).sum()}, iter([frozen])) == {"loss": 0.0}
