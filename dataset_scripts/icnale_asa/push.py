"""Folder written by build.py -> private dataset on the Hub.

python push.py FOLDER OWNER/NAME

ICNALE forbids redistribution of any part of the corpus. A public repository takes both --public and
--i-have-the-right-to-publish. Only the card and the Parquet files are pushed: the quality report and the settings
hold names of files and folders of this computer.
"""

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from blv_trainer.hub import check_files, push_files

PUSHED = ("README.md", "data/*.parquet")


def main(argv: Sequence[str] | None = None) -> int:
    """Push; 0 when done, 2 where the call is wrong."""
    parser = argparse.ArgumentParser(description="Push a folder written by build.py to the Hub as a private dataset.")
    parser.add_argument("folder", type=Path, help="folder that build.py wrote")
    parser.add_argument("repo_id", help="OWNER/NAME of the dataset")
    parser.add_argument("--public", action="store_true", help="make the dataset public")
    parser.add_argument("--i-have-the-right-to-publish", action="store_true", help="needed with --public")
    args = parser.parse_args(argv)
    if args.public and not args.i_have_the_right_to_publish:
        parser.error(
            "ICNALE forbids redistribution of any part of the corpus. If you have the right to publish this data, "
            "say so with --i-have-the-right-to-publish."
        )
    if not (args.folder / "README.md").is_file() or not any(args.folder.glob("data/*.parquet")):
        parser.error(f"{args.folder} has no README.md and data/*.parquet. Write it with build.py first.")
    sys.stdout.write(push(args.folder, args.repo_id, is_public=args.public) + "\n")
    return 0


def push(folder: Path, repo_id: str, *, is_public: bool = False) -> str:
    """Commits the card and the Parquet files, all or nothing, to a dataset that is made if need be.

    Parquet files of an earlier build that have no successor are removed by the same commit.

    Args:
        folder: What build.py wrote.
        repo_id: OWNER/NAME.
        is_public: Whether the dataset may be public.

    Returns:
        Address of the dataset.

    Raises:
        PermissionError: No token, one that may not write there, or a dataset that is there already and public while
            ``is_public`` is off.
        ValueError: A file holds a path of this computer or a token.
        OSError: The Hub cannot be reached or refuses.
    """
    paths = sorted(path for pattern in PUSHED for path in folder.glob(pattern))
    files = {path.relative_to(folder).as_posix(): path for path in paths}
    check_files(folder, list(files))
    info = push_files(
        repo_id,
        files,
        repo_type="dataset",
        private=not is_public,
        commit_message="Build of ICNALE-ASA",
        is_outdated=lambda path: fnmatch(path, "data/*.parquet"),
    )
    return str(info.repo_url)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as error:
        sys.exit(f"push.py: {error}")
