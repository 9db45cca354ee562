"""``blv-trainer list``: what can be named in flags."""

from __future__ import annotations

from blv_trainer.cli import source_files


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser("list", help="list losses with their options, and metrics")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print names and first sentences."""
    print("losses (--loss NAME --loss_kwargs '{\"OPTION\": VALUE}'):")
    for name, (summary, options) in source_files.losses().items():
        print(f"  {name:<24}{summary}")
        print(f"  {'':<24}{', '.join(f'{option}={default!r}' for option, default in options.items())}")
    print("\nmetrics:")
    for name, summary in source_files.metrics().items():
        print(f"  {name:<24}{summary}")
    return 0
