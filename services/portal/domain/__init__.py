"""What the pages show, without a service: figures, periods, rankings and pictures."""
