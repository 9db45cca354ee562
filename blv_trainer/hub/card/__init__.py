"""The model card: written from what stands in a model's folder, checked as the Hub checks it."""

from blv_trainer.hub.card.check import check_card
from blv_trainer.hub.card.writing import amend_card, write_card, write_trainer_card

__all__ = ["amend_card", "check_card", "write_card", "write_trainer_card"]
