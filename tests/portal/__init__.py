"""The portal: as a person in a browser, and at its door."""
