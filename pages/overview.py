"""Overview: what this is, where to begin, what each idea buys. Nothing heavy is imported for it."""

import streamlit as st

from explorer.ui.sections.overview import show_ladder

st.title("See what a language model does with your words", anchor=False)
st.markdown(
    "From counting letters to a GPT. Every stage runs on this machine, on text that you type, and every number you see "
    "is read from the model that computed it: click a cell and its arithmetic opens."
)

st.subheader("Where to begin", anchor=False)
STEPS = (
    (
        "pages/bigram.py",
        ":material/grid_on:",
        "Bigram",
        "New to this? Start with a table of which letter follows which. It already writes, badly, and it is trained live.",
    ),
    (
        "pages/gpt_inside.py",
        ":material/hub:",
        "GPT inside",
        "Type a prompt and see where every attention head of a trained Transformer looks, down to each product.",
    ),
    (
        "pages/generate.py",
        ":material/edit_note:",
        "Generate",
        "Let it write. Temperature, top-k, top-p and context, and what each does to the odds of the next character.",
    ),
)
for column, (page, icon, title, words) in zip(st.columns(3), STEPS, strict=True):
    with column, st.container(border=True, height="stretch"):
        st.page_link(page, label=f"**{title}**", icon=icon)
        st.markdown(words)

st.markdown("Or begin at the beginning, with the machines of 1943 to 2006 that the rest grew from:")
with st.container(horizontal=True, key="overview_history"):
    st.page_link("pages/first_neurons.py", label="First neurons", icon=":material/psychology:")
    st.page_link("pages/energy.py", label="Energy models", icon=":material/landscape:")
    st.page_link("pages/autograd.py", label="Autograd", icon=":material/account_tree:")

show_ladder()

st.subheader("How to read a page", anchor=False)
st.markdown(
    "Each begins with a **question** and its formula. Then comes the **figure** with its controls; hover for values, "
    "click for arithmetic, or use the arrow keys and Enter. **Try this** sets the controls for an experiment and says "
    "what to notice. **The code** is the function that made the figure. The **address** holds your settings: copy it, and "
    "others see what you see."
)
