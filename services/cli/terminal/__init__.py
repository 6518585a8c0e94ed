"""What commands print: answers as tables or JSON, and messages in two languages."""
