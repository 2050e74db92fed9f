"""What the constructs share and users never see."""
