"""The commands, each in the file of the word that is typed."""
