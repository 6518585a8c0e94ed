"""What commands print: answers as tables, JSON and other formats, and messages in two languages."""
