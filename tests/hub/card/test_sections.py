"""Every loss tells its formula, so that a new one has its place in the card."""

import pytest

from blv_trainer.hub.card.sections import loss_formula
from blv_trainer.losses import LOSSES


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_a_sentence_and_an_equation_that_markdown_leaves_alone(name):
    formula = loss_formula(name)
    assert formula.summary.endswith(".")
    assert "loss = " in formula.equation
    assert "```" not in formula.equation
    for text in (formula.summary, formula.symbols, formula.reference):
        assert not {"*", "<", "|"} & set(text)
        assert not text.startswith(" ")


def test_the_equations_of_blv_keep_their_lines():
    formula = loss_formula("blv")
    assert [line.split(" = ")[0] for line in formula.equation.splitlines()] == ["alpha_k", "perturbed_k", "loss"]
    assert formula.symbols.startswith("with q_k = class_counts[k]")
    assert "CVPR 2023" in formula.reference
