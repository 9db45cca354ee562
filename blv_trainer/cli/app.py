"""``blv-trainer app``: a page to try a model: speak, upload a recording, or paste a text."""

from __future__ import annotations


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "app",
        usage="blv-trainer app MODEL [--whisper_model NAME] [--export DIR] [FLAGS]",
        help="a page to try a model: speak, upload or paste",
        description="Serve a page to try a model, on this machine only unless --host says otherwise, or write it out "
        'as a folder for a Hugging Face Space. Needs: pip install "blv_trainer[app]".',
    )
    parser.add_argument("model", nargs="?", help="folder or Hub id of a saved classifier")
    parser.add_argument(
        "--whisper_model", default="large-v2", help="name or path of the weights; base is fast (default: large-v2)"
    )
    parser.add_argument("--language", help="code of what is spoken; default: heard by Whisper, English alone is judged")
    parser.add_argument("--title", help="of the page")
    parser.add_argument("--text_only", action="store_true", help="a page for texts, such as essays, without speech")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine)")
    parser.add_argument("--port", type=int, help="default: the first free one from 7860 on")
    parser.add_argument("--open_browser", action="store_true", help="open the page in a browser")
    limits = parser.add_argument_group("limits on what is put in")
    limits.add_argument("--max_characters", type=int, default=10_000, help="of a text (default: 10000)")
    limits.add_argument("--max_seconds", type=float, default=180, help="of a recording (default: 180)")
    limits.add_argument("--max_megabytes", type=float, default=20, help="of an uploaded file (default: 20)")
    parser.add_argument("--export", metavar="DIR", help="write a Space folder instead of serving")
    parser.add_argument("--requirement", help="with --export: the line of requirements.txt that names this package")
    parser.add_argument("--trust_remote_code", action="store_true", help="run model code that comes with the model")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Serve until interrupted, or write the folder; 0 when done."""
    if not args.model:
        raise ValueError("app needs a model: blv-trainer app MODEL")

    from transformers import utils

    from blv_trainer.app import Limits, export_space, serve

    utils.logging.disable_progress_bar()
    common = {
        "title": args.title,
        "text_only": args.text_only,
        "whisper_model": args.whisper_model,
        "language": args.language,
        "limits": Limits(args.max_characters, args.max_seconds, args.max_megabytes),
        "trust_remote_code": args.trust_remote_code,
    }
    if args.export:
        folder = export_space(args.model, args.export, requirement=args.requirement, **common)
        print(f"{folder}: run it by `python {folder}/app.py`, or push the folder to a Space of yours.")
        return 0
    serve(args.model, host=args.host, port=args.port, open_browser=args.open_browser, **common)
    return 0
