"""Files: written whole or not at all, found again by content, fetched, swept."""
