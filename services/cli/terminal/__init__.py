"""What is printed: answers, tables, texts in two languages."""
