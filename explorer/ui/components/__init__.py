"""Custom Streamlit components: HTML, CSS and JavaScript in files of their own, no build step, no network.

`matrix` draws one or many matrices on a canvas; `token_arcs` draws the attention of a head as arcs over
the prompt. Both are called like any Streamlit element and return what the visitor chose.
"""
