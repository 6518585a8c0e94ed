"""What operators prepare in broker and database: topics, indexes, migrations."""
