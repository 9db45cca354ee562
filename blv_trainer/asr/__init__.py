"""Speech to text: sound files -> a store of transcripts.

- ``audio``, ``prefetch``: any sound -> float32 mono 16 kHz, read ahead by threads.
- ``whisper``: ``OpenAIWhisper``, many files at a time with the words of ``whisper.transcribe``. Beneath it
  ``whisper_windows`` (files in flight), ``whisper_rows`` and ``whisper_slots`` (on a processor), ``whisper_batches``
  and ``batch_size`` (on a GPU, beam search).
- ``faster_whisper``, ``backends``: the same interface for faster-whisper; ``build_backend``.
- ``record``, ``store``: one transcript; all of them, safe against being killed, merged to Parquet.
- ``recordings``, ``fingerprint``, ``workers``, ``transcription``: which files, which process does which, the whole run.
- ``checks``, ``speech``, ``word_errors``: transcripts that look wrong; whether there is enough speech to be judged by;
  word error rates against human ones.

Importing this package imports none of them.
"""
