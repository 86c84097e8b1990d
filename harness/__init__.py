"""Assay: the theories of deep learning on trial."""
