"""Who is visiting, and whether they are still here: the part of background training that knows browsers.

A browser is recognised by a random token in a session cookie, so that a reload or a second tab is the same
visitor. The token is made here, says nothing about anybody, and goes when the browser closes.
"""

from __future__ import annotations

import re
import secrets
import threading

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

_COOKIE = "explorer_visitor"
_STATE = "_visitor"
_SESSIONS_KEPT = 500


def visitor_id() -> str:
    """The visitor's token: the same on every page, after a reload and in every tab of one browser.

    Without cookies it lasts as long as the tab's session. Holding it makes a visitor the owner of a run.
    """
    if _STATE not in st.session_state:
        offered = str(st.context.cookies.get(_COOKIE, ""))
        genuine = re.fullmatch(r"[\w-]{22}", offered, re.ASCII)
        st.session_state[_STATE] = offered if genuine else secrets.token_urlsafe(16)
    token: str = st.session_state[_STATE]
    return token


def keep_alive() -> None:
    """Call on every page: the visitor's run goes on while another page is read or the tab is hidden.

    No timer is needed: a run whose panel is silent asks `presence()` whether one of the visitor's tabs is
    still connected. (Browsers slow the timers of hidden tabs to one a minute: too slow for a fragment.)
    """
    context = get_script_run_ctx()
    if context is not None:
        presence().note(visitor_id(), context.session_id)
    if st.context.cookies.get(_COOKIE) != visitor_id():
        script = f"document.cookie = '{_COOKIE}={visitor_id()}; path=/; SameSite=Strict'"
        # Hidden with the box that holds it, or its empty line would push the first page down.
        hidden = f"<style>:has(> .st-key-{_COOKIE}) {{ display: none }}</style>"
        with st.container(key=_COOKIE):
            st.html(f"{hidden}<script>{script}</script>", unsafe_allow_javascript=True)


class Presence:
    """Which tabs belong to which visitor. Safe to ask from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visitor_of: dict[str, str] = {}

    def note(self, visitor: str, session_id: str) -> None:
        """Remember that the tab with this Streamlit session is the visitor's."""
        with self._lock:
            self._visitor_of[session_id] = visitor
            if len(self._visitor_of) > _SESSIONS_KEPT:
                gone = [session for session in self._visitor_of if not _connected(session)]
                for session in gone:
                    del self._visitor_of[session]

    def here(self, visitor: str) -> bool:
        """Whether a tab of the visitor's is connected at this moment."""
        with self._lock:
            return any(_connected(session) for session, who in self._visitor_of.items() if who == visitor)


@st.cache_resource(show_spinner=False)
def presence() -> Presence:
    """The server's one record of who is connected."""
    return Presence()


def _connected(session_id: str) -> bool:
    return runtime.exists() and runtime.get_instance().is_active_session(session_id) is True
