"""Choice of the regularisation from the data."""
