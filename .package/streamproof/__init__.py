"""streamproof: prove that a streaming LLM endpoint keeps its promises.

What is installed is this one package. Its parts are folders at the top of the
repository; the links beside this file make them importable from a checkout under the
name that they have when installed. Empty, so that no part loads another.
"""
