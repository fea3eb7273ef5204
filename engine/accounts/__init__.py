"""Providers with their catalogues and connections, and services as the rest of the engine wants them."""
