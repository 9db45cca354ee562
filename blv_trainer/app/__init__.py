"""A page to try a model: speak, upload a recording or paste a text (extra ``app``); or the same as a Space.

Importing this imports nothing heavy, and nothing here imports Gradio before it is used.
"""

from typing import TYPE_CHECKING

from blv_trainer._door import opened_on_demand

if TYPE_CHECKING:
    from blv_trainer.app.page import Limits, build_page, serve
    from blv_trainer.app.space import export_space

_HOME = {
    "page": ("Limits", "build_page", "serve"),
    "space": ("export_space",),
}
__all__ = ["Limits", "build_page", "export_space", "serve"]

__getattr__ = opened_on_demand(__name__, _HOME)
