"""``blv-trainer list``: what can be named in flags."""

from __future__ import annotations


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser("list", help="list losses with their options, and metrics")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print names and first sentences."""
    from blv_trainer.losses import LOSSES, loss_options
    from blv_trainer.metrics import METRICS

    print("losses (--loss NAME --loss_kwargs '{\"OPTION\": VALUE}'):")
    for name, loss in LOSSES.items():
        print(f"  {name:<24}{_summary(loss)}")
        options = ", ".join(f"{option}={default!r}" for option, default in loss_options(name).items())
        print(f"  {'':<24}{options}")
    print("\nmetrics:")
    for name, metric in METRICS.items():
        print(f"  {name:<24}{_summary(metric.function)}")
    return 0


def _summary(documented) -> str:
    return documented.__doc__.strip().splitlines()[0]
