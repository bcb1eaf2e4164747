"""The conformance suite; import from its submodules.

Empty on purpose: `streamproof.conformance.wire` must load nothing third-party.
"""
