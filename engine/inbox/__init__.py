"""What gateways report is processed: allocated to what it pays, returned where it goes back, put off where it fails."""
