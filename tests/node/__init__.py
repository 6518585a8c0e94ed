"""What tests take from npm: locked, and fetched into build/ when a test first needs it."""
