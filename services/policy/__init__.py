"""Who may do what: principals, the rules of the contracts, and the one function that decides.

Pure, and below every other package: the kernel asks before a method runs, the services ask again
where they know the object.
"""
