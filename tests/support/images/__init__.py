"""Images for tests: real ones built from Debian packages layer by layer, and synthetic ones with every odd case."""
