"""Flax NNX architectures and their parametrisations; nothing about claims."""
