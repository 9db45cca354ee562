from blv_trainer import LOSSES
from blv_trainer.cli import main
from blv_trainer.metrics import METRICS


def test_every_loss_and_metric_is_listed_with_its_options(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    for name in (*LOSSES, *METRICS):
        assert f"  {name} " in printed
    assert "sigma=6.0, scope='step', clamp=None, sign=1, sigma_schedule='constant', label_smoothing=0.0" in printed
