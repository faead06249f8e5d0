"""Who this browser is: a random secret in a cookie, so that a refresh keeps control of one's own runs.

The secret never appears in an address, so every link can be shared: who opens it may watch, not control.
What belongs to nobody, such as runs of the command line, belongs to whoever sits at the server's own machine.
"""

import secrets
from urllib.parse import urlsplit

import streamlit as st

COOKIE = "ssl_playground_owner"

OTHERS = "This run belongs to another browser: you may watch it, or start your own."
NOBODYS = "This run was not started in the app: only a browser on the server's own machine may control it."

_keeper = st.components.v2.component(
    "owner_cookie",
    js="""
export default function ({data}) {
  const kept = document.cookie.split("; ").some((part) => part.startsWith(data.name + "="));
  if (!kept) document.cookie = `${data.name}=${data.key}; path=/; max-age=31536000; SameSite=Lax`;
}
""",
)


def owner_key() -> str:
    """The secret of this browser; the same in all its tabs and after a refresh."""
    if "_owner" not in st.session_state:
        kept = st.context.cookies.get(COOKIE)
        st.session_state["_owner"] = kept if isinstance(kept, str) and kept else secrets.token_urlsafe(16)
    return st.session_state["_owner"]


def may_control(owner: str) -> bool:
    """Whether this browser may control what belongs to an owner."""
    return not refusal(owner)


def refusal(owner: str) -> str:
    """Why this browser may not control a run of this owner, in a sentence; empty if it may."""
    if owner:
        return "" if owner == owner_key() else OTHERS
    return "" if sits_here() else NOBODYS


def sits_here() -> bool:
    """Whether the browser runs on the server's own machine. Behind a proxy every connection comes from there,
    but the address that people type does not name it. The browser itself says which it is, so this
    is a courtesy and not a lock."""
    host = urlsplit(st.context.url or "").hostname
    return st.context.ip_address is None and host in ("localhost", "127.0.0.1", "::1")


def keep_owner_key() -> None:
    """Leave the secret in the browser; to be called once per page, where nothing is shown."""
    key = owner_key()
    if st.context.cookies.get(COOKIE) != key:
        _keeper(key="_owner_cookie", data={"name": COOKIE, "key": key}, height=1)
