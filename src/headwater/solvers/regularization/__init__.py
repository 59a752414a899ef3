"""Choose the regularisation from the data."""
