"""What `kieng doctor` checks."""
