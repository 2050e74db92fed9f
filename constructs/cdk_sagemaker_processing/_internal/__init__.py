"""Parts that the constructs share and that are not public."""
