"""The conformance suite; import from its submodules.

Empty on purpose: importing `conformance.wire` must load nothing third-party.
"""
