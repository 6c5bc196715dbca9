"""A torch package as readable as teaching code: every stage of a language model, from one neuron to GPT.

The layers, each importing only from those before it: `core` (maths), `text` (what is read), `models`
(what learns), `training` (how it learns), `inspection` (what happened inside). Beside them: `figures`
(arrays to pictures) and `ui` (the only place that knows Streamlit).
"""
