"""HTTP/1.1 on a socket: from bytes to ASGI, and what uvicorn leaves open of it."""
