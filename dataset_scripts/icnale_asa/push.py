"""Folder written by build.py -> private dataset on the Hub.

python push.py FOLDER OWNER/NAME

ICNALE forbids redistribution of any part of the corpus. A public repository takes both --public and
--i-have-the-right-to-publish. Only the card and the Parquet files are pushed: the quality report and the settings
hold names of files and folders of this computer.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi

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
    """Creates the dataset if need be and uploads the card and the Parquet files.

    Args:
        folder: What build.py wrote.
        repo_id: OWNER/NAME.
        is_public: Whether the dataset may be public.

    Returns:
        Address of the dataset.

    Raises:
        PermissionError: Where the dataset is there already and public, and ``is_public`` is off.
    """
    api = HfApi()
    address = api.create_repo(repo_id, repo_type="dataset", private=not is_public, exist_ok=True)
    if not is_public and not api.repo_info(repo_id, repo_type="dataset").private:
        raise PermissionError(f"{repo_id} is public: nothing was pushed. Make it private, or choose another name.")
    api.upload_folder(
        repo_id=repo_id,
        repo_type="dataset",
        folder_path=folder,
        allow_patterns=list(PUSHED),
        delete_patterns=["data/*.parquet"],
        commit_message="Build of ICNALE-ASA",
    )
    return str(address)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PermissionError as error:
        sys.exit(f"push.py: {error}")
