"""How surveys are read: files, scales, batteries, weights, and the report on their quality."""
