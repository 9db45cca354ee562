"""What ``BLVTrainer`` is made of: class counts, the choice of the loss, evaluation by class, whole checkpoints."""
