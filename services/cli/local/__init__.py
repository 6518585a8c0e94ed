"""The processes of a stack on this machine: started, supervised, seeded, stopped."""
