"""A metric as a Space, from which ``evaluate.load("owner/name")`` takes it."""

from __future__ import annotations

import inspect
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from blv_trainer.hub.commit import push_files
from blv_trainer.metrics import METRICS, metric_path

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo

# A static page: the widget of evaluate 0.4 needs a part of Gradio that is gone since Gradio 4.
_README = Template("""\
---
title: $name
sdk: static
app_file: index.html
license: apache-2.0
tags:
- evaluate
- metric
short_description: $summary
---

`evaluate.load("$repo_id").compute($arguments)`: one of the metrics for ordered, imbalanced classes of the Python
package `blv_trainer`; it loads without the package, and the page of this Space explains it.
""")
_PAGE = Template("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>$name</title>
<body style="font-family: sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem">
<h1>$name</h1>
<pre>evaluate.load("$repo_id").compute($arguments)</pre>
<pre style="white-space: pre-wrap">$documentation</pre>
</body>
</html>
""")
_SUMMARY_CHARACTERS = 60  # what the Hub takes as short_description


def push_metric(name: str, repo_id: str, *, commit_message: str = "Upload a metric", **options: Any) -> CommitInfo:
    """Publish a metric's folder as a Space, with a page that explains it.

    Args:
        name: a key of ``METRICS``.
        repo_id: "owner/NAME" with the metric's own name, by which ``evaluate`` finds the file in the Space.
        commit_message: the commit's title.
        options: ``private``, ``token`` and ``revision``, as for ``push_files``.

    Returns:
        What the Hub says of the commit; its ``repo_url`` is the address.

    Raises:
        ValueError: an unknown metric, or another name for its Space.
        PermissionError, ConnectionError, OSError: as ``push_files``.
    """
    folder = Path(metric_path(name))
    if repo_id.split("/")[-1] != name:
        raise ValueError(
            f"repo_id={repo_id!r} will not do: evaluate.load looks for a file named after the Space, so this one must "
            f"be called OWNER/{name}."
        )
    function = METRICS[name].function
    documentation = inspect.getdoc(function) or ""
    first, second, *_ = inspect.signature(function).parameters
    summary = documentation.split("\n")[0].split(":")[0].rstrip(".")
    fields = {
        "name": name,
        "repo_id": repo_id,
        "arguments": f"{first}=..., {second}=...",
        "summary": summary if len(summary) <= _SUMMARY_CHARACTERS else name,
        "documentation": escape(documentation),
    }
    files: dict[str, Path | bytes] = {path.name: path for path in sorted(folder.glob("*.py"))}
    files |= {"README.md": _README.substitute(fields).encode(), "index.html": _PAGE.substitute(fields).encode()}
    return push_files(repo_id, files, repo_type="space", space_sdk="static", commit_message=commit_message, **options)
