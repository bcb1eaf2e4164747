"""Pipelines: the LangGraph graph, its nodes and the model it calls.

Nothing here knows how an event looks on the wire, or who reads it.
"""
