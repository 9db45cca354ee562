"""The data that ``blv-trainer compare`` runs on: invented, the ICNALE corpus, own files, or a Hub dataset."""

from __future__ import annotations

import dataclasses
from pathlib import Path


def load(compare_args, data_args, training_args):
    """The dataset that the flags name, its label names, what it is in words, and notes."""
    if compare_args.preset == "demo":
        from blv_trainer.experiments import invented

        dataset = invented.make_dataset(compare_args.num_speakers, seed=training_args.seed)
        return dataset, dataset["train"].features["label"].names, "Invented corpus", []
    if compare_args.data_dir:
        from datasets import load_dataset

        dataset = load_dataset(
            "icnale_asa",
            data_dir=compare_args.data_dir,
            split_by=compare_args.split_by,
            split_seed=training_args.seed,
            transcripts=compare_args.transcripts,
            whisper_transcripts=compare_args.whisper_transcripts,
            whisper_model=compare_args.whisper_model,
        )
        source = f"ICNALE Spoken Monologue, split by {compare_args.split_by}, {compare_args.transcripts} transcripts"
        return dataset, dataset["train"].features["label"].names, source, []

    from blv_trainer.cli.tables import write_unusable
    from blv_trainer.corpora import load_table

    # Validation rows are held out later, together with test rows.
    files_and_columns = dataclasses.asdict(data_args) | {"validation_fraction": 0}
    data = load_table(**files_and_columns, seed=training_args.seed)
    if training_args.should_save:
        write_unusable(data.unusable, Path(training_args.output_dir))
    source = data_args.dataset_name or Path(data_args.train_file).name
    return data.dataset, data.label_names, source, data.notes


def demo_encoder(dataset, training_args) -> str:
    """The folder of the demo's encoder, made where it is not there yet."""
    from blv_trainer.experiments import invented
    from blv_trainer.files import staged_folder

    folder = Path(training_args.output_dir, "encoder")
    with training_args.main_process_first(local=False):
        if not folder.is_dir():
            with staged_folder(training_args.output_dir) as staging:
                invented.build_encoder(dataset["train"]["text"], staging / "encoder", seed=training_args.seed)
    return str(folder)
