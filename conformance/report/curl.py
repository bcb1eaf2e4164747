"""A recorded request as the curl command that sends it again. Pure.

The command is for a POSIX shell; where a body holds control characters it takes the
`$'...'` quotes of bash and zsh. It holds no credential: that is `$TOKEN`, for the shell
to fill in.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from ..model import CREDENTIAL, Request
from ..steering import directives_in, has_gate, key_in

# curl writes these itself, from the URL and the body.
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_PRINTED = frozenset(map(chr, range(0x20, 0x7F)))
_QUOTE = b"'\\"
_CONTINUED = " \\\n  "


def curl_command(request: Request, target: str) -> str:
    """Return the command that sends `request` to `target` again, one option a line."""
    return _CONTINUED.join(_options(request, target))


def needs_credential(request: Request) -> bool:
    """Tell whether the command expects `TOKEN` in the environment."""
    texts = [request.path, *(value for _, value in request.headers)]
    return any(CREDENTIAL in text for text in texts)


def steering_notes(request: Request, scripts: Mapping[str, object]) -> list[str]:
    """Say how the fake provider is steered by this request, if it is.

    `scripts` are those that were put at the provider, by key.
    """
    text = f"{unquote(request.path)} {request.body.decode('utf-8', 'replace')}"
    directives = directives_in(text)
    if not directives:
        return []
    notes = ["the [[fake:...]] directive in the prompt steers the fake provider"]
    for key in dict.fromkeys(filter(None, map(key_in, directives))):
        notes.append(
            "turns of a call key are counted: take a new key, or first send "
            f"DELETE /_fakes/calls/{key} to the fake provider"
        )
        if key in scripts:
            script = json.dumps(scripts[key])
            notes.append(
                f"the script is put with PUT /_fakes/scripts/{key} and {script}"
            )
        if has_gate(directives) or '"hold"' in json.dumps(scripts.get(key)):
            notes.append(
                f"the model waits until POST /_fakes/gates/{key}/release at the fake "
                "provider"
            )
    return notes


def _options(request: Request, target: str) -> Iterator[str]:
    url = _url(request.path, target)
    command = "curl -sSiN"
    if request.method == "HEAD":
        command += " --head"
    elif request.method != ("POST" if request.body else "GET"):
        command += f" -X {_quote(request.method)}"
    if any(sign in url for sign in "[]{}"):
        command += " --globoff"
    data = _data(request.body)
    if request.body and b"\0" in request.body:
        # No shell can hand a NUL to a program as an argument.
        command = f"printf {_printf_format(request.body)} | {command}"
        data = "--data-binary @-"
    yield f"{command} {_quote(url)}"
    yield from _headers(request)
    if request.body:
        yield data


def _headers(request: Request) -> Iterator[str]:
    for name, value in request.headers:
        if name.lower() not in _OWN_HEADERS:
            # curl leaves out `Name:`; `Name;` sends it with an empty value.
            yield f"-H {_quote(f'{name}: {value}' if value else f'{name};')}"
    sent = {name.lower() for name, _ in request.headers}
    if request.body and "content-type" not in sent:
        yield "-H 'Content-Type:'"


def _url(path: str, target: str) -> str:
    parts = urlsplit(target)
    return f"{parts.scheme}://{parts.netloc}{path}"


def _data(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    if text.isprintable() and text.encode() == body:
        return f"--data-raw {shlex.quote(text)}"
    return f"--data-raw $'{_octal(body, special=_QUOTE)}'"


def _printf_format(data: bytes) -> str:
    """Write bytes as a quoted format that makes `printf` print them."""
    return "'" + _octal(data, special=b"'\\%") + "'"


def _octal(data: bytes, *, special: bytes) -> str:
    r"""Write bytes as ASCII, `special` and all that does not print as `\ooo`."""
    return "".join(
        chr(byte) if chr(byte) in _PRINTED and byte not in special else f"\\{byte:03o}"
        for byte in data
    )


def _quote(text: str) -> str:
    """Quote for the shell, leaving `$TOKEN` for it to expand."""
    parts = text.split(CREDENTIAL)
    if not text.isprintable():
        return f'"{CREDENTIAL}"'.join(
            f"$'{_octal(part.encode('utf-8', 'surrogateescape'), special=_QUOTE)}'"
            for part in parts
        )
    if len(parts) == 1:
        return shlex.quote(text)
    pieces = (re.sub(r'([\\"`$])', r"\\\1", part) for part in parts)
    return '"' + CREDENTIAL.join(pieces) + '"'
