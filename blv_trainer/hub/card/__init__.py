"""The model card: written from what stands in a model's folder, checked as the Hub checks it."""

from blv_trainer.hub.card.check import CARD_FILE, check_card
from blv_trainer.hub.card.render import PICTURE_FILE
from blv_trainer.hub.card.write_card import amend_card, write_card, write_trainer_card

__all__ = ["CARD_FILE", "PICTURE_FILE", "amend_card", "check_card", "write_card", "write_trainer_card"]
