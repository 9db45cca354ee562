"""Corpora: where labelled texts come from, and how they are split.

Nothing heavy is imported here; import from the files.

- ``table``: your own CSV, TSV, JSON lines or Parquet files, and datasets of the Hub.
- ``icnale``: ``read_corpus`` reads a folder of the ICNALE Spoken Monologue: ``icnale_names`` (file names, levels,
  published counts), ``icnale_walk`` and ``icnale_files`` (which files), ``icnale_text`` (decoding and cleaning),
  ``icnale_background`` (the sheet about the speakers), ``icnale_report`` (the quality report).
- ``icnale_asa``: the builder behind ``load_dataset("icnale_asa", data_dir=...)``: ``icnale_config`` (its options),
  ``icnale_selection`` (rows and splits), ``icnale_transcripts`` (Whisper's texts), ``icnale_card`` (the dataset card),
  ``registration`` (how ``datasets`` comes to know it).
- ``splits``: by speaker, by sample, in folds; ``assignment``: a split in a TSV.
- ``synthetic``: ``write_corpus`` writes an invented corpus with the names and folders of ICNALE, and with its
  irregularities; ``synthetic_text``: ``generate_answers``, its answers alone.
"""
