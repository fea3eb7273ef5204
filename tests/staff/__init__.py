"""The staff pages, over HTTP and in a browser."""
