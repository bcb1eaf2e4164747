"""JSON as it stands in an event or a document: compact, in UTF-8, and never broken.

Pure. It must not know what a document means.
"""

import json

# Made once: json.dumps with options makes a new encoder for each call.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_to_ascii = json.JSONEncoder(separators=(",", ":")).encode


def to_json(document: object) -> str:
    """Return a document as text that can be encoded as UTF-8.

    A model may cut a token inside a surrogate pair. Half a pair is no UTF-8, but it can
    travel escaped, and the client gets the character when it joins the pieces.
    """
    text = _encode(document)
    if text.isascii() or _is_encodable(text):
        return text
    return _encode_to_ascii(document)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
