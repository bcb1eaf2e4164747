"""Dialect `chat`: a user of a medical chatbot sees retrieval, then the answer."""

from .dialect import create_chat

__all__ = ["create_chat"]
