"""The rules of the pages, without calls to services: figures, periods, rankings and pictures."""
