"""Takes passwords and tokens out of what is said: it is the last thing done to a text, whoever wrote it."""

from __future__ import annotations

import re

# Up to the last @ before a space: a password that should have been percent-encoded is masked whole all the same. With
# one slash it is a URL that was set where a path belongs.
_PASSWORD_IN_URL = re.compile(r"(:/{1,2}[^\s:/@]*:)\S*@")
# The header's value is one word or two, with or without the quotes of JSON, Python or a shell around it.
_AUTHORIZATION = re.compile(
    r"""(authorization(?:[\\"']+\s*,|[\\"']*\s*[:=])\s*(?:b(?=["']))?[\\"']*)[^\s\\"',}]+(?: +[^\s\\"',}]+)?""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(\bbearer +)(?!tokens?\b)[\w.~+/=-]+", re.IGNORECASE)
_TOKEN = re.compile(r"bf_[\w-]{43,}", re.ASCII)
_PASSWORD_IN_QUERY = re.compile(r"([?&](?:ssl_?|sentinel_)?password=)[^\s&\"']+", re.IGNORECASE)


def mask_passwords(text: str) -> str:
    """The text with `***` for every password in a URL, every access token and what a header Authorization says."""
    text = _PASSWORD_IN_QUERY.sub(r"\1***", _PASSWORD_IN_URL.sub(r"\1***@", text))
    text = _BEARER.sub(r"\1***", _AUTHORIZATION.sub(r"\1***", text))
    return _TOKEN.sub("bf_***", text)
