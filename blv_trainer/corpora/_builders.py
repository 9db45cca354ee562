"""Makes ``load_dataset("icnale_asa", ...)`` find the builder; of another corpus, by a line in ``BUILDERS``."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from wrapt import wrap_function_wrapper

BUILDERS = {"icnale_asa": "blv_trainer.corpora.icnale_asa"}  # name -> module, which holds one builder


def register(load: ModuleType) -> None:
    """Adds the builders to the modules of ``datasets.load``, which has no other way to name one."""
    digest = _source_digest()
    for name, module in BUILDERS.items():
        load._PACKAGED_DATASETS_MODULES[name] = (module, digest)

    # load_dataset would list every file below data_dir, 12 s for 13,000, though the builder looks for its files itself.
    def get_module(wrapped: Callable[..., Any], factory: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if factory.name in BUILDERS and factory.data_files is None:
            factory.data_files = []
        return wrapped(*args, **kwargs)

    wrap_function_wrapper(load, "PackagedDatasetModuleFactory.get_module", get_module)


def _source_digest() -> str:
    """Digest of the code that decides what a build holds, so that a new version never meets an old cache."""
    digest = hashlib.sha256()
    room = Path(__file__).parent
    for path in sorted(room.rglob("*.py")):
        if path.relative_to(room).parts[0] != "synthetic":
            digest.update(path.read_bytes())
    return digest.hexdigest()
