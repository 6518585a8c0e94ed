"""Files that people hand in: spreadsheets of submissions, catalogues."""
