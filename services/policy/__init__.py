"""Who may do what: principals, the access rules in the contracts, and the function that decides.

Pure. The kernel checks a caller before a method runs; the service checks again once it knows the
object that the call reads or changes.
"""
