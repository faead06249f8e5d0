"""Who this browser is: a random secret in a cookie, so that a refresh keeps control of one's own runs.

The secret never appears in an address, so every link can be shared: who opens it may watch, not control.
"""

import secrets

import streamlit as st

COOKIE = "ssl_playground_owner"

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
    """Whether this browser may control what belongs to an owner; what belongs to nobody is everybody's."""
    return owner in ("", owner_key())


def keep_owner_key() -> None:
    """Leave the secret in the browser; to be called once per page, where nothing is shown."""
    key = owner_key()
    if st.context.cookies.get(COOKIE) != key:
        _keeper(key="_owner_cookie", data={"name": COOKIE, "key": key}, height=1)
