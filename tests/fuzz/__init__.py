"""Every RPC of a running stack, called with what no honest client sends; see docs/testing.md.

`drawing` makes messages of any contract, `damage` spoils their bytes, `credentials` are good and
bad tokens, `calling` makes calls and judges their answers, and `processes` watches the services.
"""
