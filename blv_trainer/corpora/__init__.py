"""Corpora: where labelled texts come from, and how they are split.

Nothing heavy is imported here; import from the rooms.

- ``table``: ``load_table`` for your own CSV, TSV, JSON Lines or Parquet files, and datasets of the Hub.
- ``icnale``: ``read_corpus`` reads a folder of the ICNALE Spoken Monologue.
- ``icnale_asa``: the builder behind ``load_dataset("icnale_asa", data_dir=...)``; ``registration``: how ``datasets``
  comes to know it.
- ``splits``: by speaker, by sample, in folds; ``assignment``: a split in a TSV.
- ``synthetic``: ``write_corpus`` writes an invented corpus with the names and folders of ICNALE, and with its
  irregularities; ``synthetic.text``: ``generate_answers``, its answers alone.
- ``cells``: texts in the cells of CSV and TSV files.
"""
