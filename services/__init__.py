"""The services of Kiềng: the shared kernel, one package for each service, and the command line."""
