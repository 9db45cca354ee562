"""The model card, written from what stands in a model's folder or what a trainer knows."""
