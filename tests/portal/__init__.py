"""The portal: as a person in a browser, and form by form over HTTP."""
