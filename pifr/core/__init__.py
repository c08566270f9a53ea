"""The ground floor: errors, configs, run folders, checkpoints, seeds, progress and torch.distributed."""
