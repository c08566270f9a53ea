"""Pictures and the tables that describe them: manifest, validation, importers, splits, alignment, pixel store."""
