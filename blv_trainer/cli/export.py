"""``blv-trainer export``: a saved classifier as ONNX, for onnxruntime without torch."""

from __future__ import annotations

_MAX_TEXTS = 1000  # enough to tell 99 % from 98 %


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "export",
        usage="blv-trainer export MODEL --output_dir DIR [--quantize int8] [FLAGS]",
        help="write a saved model as ONNX, checked against torch",
        description="Write model.onnx with configuration and tokenizer, once its logits equal torch's. The folder is "
        "for predict and evaluate, for optimum, or for onnxruntime alone; push takes MODEL/onnx along. Needs the extra "
        "onnx.",
    )
    parser.add_argument("model", nargs="?", help="folder or Hub id of a saved classifier")
    parser.add_argument("--output_dir", help="a new folder, or an earlier export, which is replaced")
    parser.add_argument("--quantize", choices=("int8",), help="hold weights in 8 bits: smaller and faster, not equal")
    parser.add_argument("--input_file", help="texts to measure the agreement on; default: invented answers")
    parser.add_argument("--text_column", default="text", help="column of --input_file with the texts")
    parser.add_argument("--trust_remote_code", action="store_true", help="run model code that comes with the model")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Export, print how far the answers agree; 0 when done."""
    if not args.model or not args.output_dir:
        raise ValueError("export needs a model and a folder: blv-trainer export MODEL --output_dir DIR")

    from transformers import utils

    from blv_trainer.corpora import iter_texts
    from blv_trainer.hub import export_onnx
    from blv_trainer.prediction import load_classifier

    utils.logging.disable_progress_bar()
    texts = None
    if args.input_file:
        chunks = iter_texts(args.input_file, text_column=args.text_column, rows_at_a_time=_MAX_TEXTS)
        texts = next(chunks).dataset["text"][:]
    model, tokenizer = load_classifier(args.model, trust_remote_code=args.trust_remote_code)
    report = export_onnx(model, tokenizer, args.output_dir, quantize=args.quantize, texts=texts)
    print(
        f"{args.output_dir}: model.onnx ({args.quantize or 'float32'}), configuration and tokenizer.\n"
        f"Of {report['num_texts']} {'texts' if texts else 'invented texts'}, {report['argmax_agreement']:.1%} get the "
        f"level that torch gives; the largest difference of a logit is {report['logit_difference']:.2g}."
    )
    return 0
