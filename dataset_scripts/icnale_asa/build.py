"""Folder of the ICNALE Spoken Monologue -> Parquet files with card and quality report.

python build.py --data_dir FOLDER --output_dir FOLDER [any flag of ``blv-trainer prepare``]
"""

import sys

from blv_trainer.cli import main

if __name__ == "__main__":
    sys.exit(main(["prepare", *sys.argv[1:]]))
