"""The commands of `kieng`, each group in a module named by the word that the user types."""
