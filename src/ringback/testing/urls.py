"""URLs of running servers, as users write them."""

import httpx


def server_url(text: str) -> str:
    """Return the base URL of a server, which may be written without its scheme, as ``127.0.0.1:8010``.

    Raises ValueError.
    """
    url = text.strip()
    if "://" not in url:
        url = f"http://{url}"
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL()
    if parts.scheme not in ("http", "https") or not parts.host:
        without_password = text.rpartition("@")[2]
        raise ValueError(f"{without_password!r} is not the URL of a ringback server, such as http://127.0.0.1:8010")
    return url.rstrip("/")
