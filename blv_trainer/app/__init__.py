"""A page to try a model: speak, upload a recording or paste a text (extra ``app``).

- ``assessor``: the model, its transcriber and the limits on what is put in; knows nothing of pages.
- ``rendering``: a result as HTML, everything foreign escaped.
- ``texts``: what the page says, and invented examples.
- ``page``: the Gradio page. ``serve``: runs it on this machine. ``space``: writes it out as a folder for a Space.

Importing this package imports none of them, and none of them imports Gradio before it is used.
"""
