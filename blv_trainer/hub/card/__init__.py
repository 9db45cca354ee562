"""The model card: written from what stands in a model's folder, checked as the Hub checks it."""
