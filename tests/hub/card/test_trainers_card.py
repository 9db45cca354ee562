"""``trainer.create_model_card``: from a user's own script, with nothing but a trainer."""

import inspect
from pathlib import Path

import pytest
from datasets import Dataset
from huggingface_hub import ModelCard
from torch import nn
from transformers import Trainer

from blv_trainer import BLVTrainer, BLVTrainingArguments
from blv_trainer.hub.before_push import check_card, check_files
from blv_trainer.hub.card.writing import write_trainer_card
from blv_trainer.metrics import METRICS, make_compute_metrics

LEVELS = ["A2", "B1_1", "B1_2", "B2"]


def settings(folder, **options):
    quiet = {"report_to": "none", "use_cpu": True, "disable_tqdm": True, "max_steps": 2, "save_strategy": "no"}
    return BLVTrainingArguments(str(folder), **{**quiet, **options})


def evaluated(folder, **options):
    return settings(folder, eval_strategy="steps", eval_steps=1, **options)


def trained(model, args, rows, **options):
    options = {"compute_metrics": make_compute_metrics(LEVELS), "eval_dataset": rows, **options}
    trainer = BLVTrainer(model, args, train_dataset=rows, **options)
    trainer.train()
    return trainer


def written(trainer, **options):
    trainer.create_model_card(**options)
    folder = Path(trainer.args.output_dir)
    check_card(folder)
    check_files(folder, ["README.md"])
    return ModelCard.load(folder / "README.md")


def test_the_arguments_are_those_of_trainer():
    ours, theirs = (inspect.signature(call).parameters for call in (write_trainer_card, Trainer.create_model_card))
    assert list(ours)[1:] == list(theirs)[1:]


def test_every_metric_of_the_last_evaluation_is_kept(make_mean_pooled, rows, tmp_path):
    ours = make_compute_metrics(LEVELS)
    metrics = {"compute_metrics": lambda evaluation: ours(evaluation) | {"my_score": 0.25}}
    trainer = trained(make_mean_pooled(), evaluated(tmp_path), rows, **metrics)
    card = written(trainer, model_name="levels", tags="speech", language="en", license="mit", dataset="Own answers")
    (result,) = card.data.to_dict()["model-index"][0]["results"]
    dataset = {"name": "Own answers", "type": "unpublished", "split": "validation"}
    assert result["dataset"] == dataset | {"args": {"num_rows": 20}}
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    logged = [entry for entry in trainer.state.log_history if "eval_accuracy" in entry][-1]
    defined = {name for name in METRICS if logged[f"eval_{name}"] == logged[f"eval_{name}"]}
    assert set(values) == defined | {"loss", "my_score"}
    assert values["accuracy"] == pytest.approx(logged["eval_accuracy"])
    assert values["my_score"] == 0.25
    assert (card.data.license, card.data.language) == ("mit", "en")
    assert "speech" in card.data.tags
    for text in ("# levels", "| B1_2 | 9 | 45.0 |", "sigma = 6.0", "max_steps 2", "On the 20 rows of the"):
        assert text in card.text, text
    assert str(tmp_path) not in card.content


def test_a_trainer_that_measured_nothing_has_a_card_too(make_model, rows, tmp_path):
    trainer = BLVTrainer(make_model(), settings(tmp_path), train_dataset=rows)
    card = written(trainer)
    assert "## Results" not in card.text
    assert "## Classes" in card.text
    assert "license" not in card.data.to_dict()


def test_several_evaluation_sets_are_told_apart(make_mean_pooled, rows, tmp_path):
    sets = {"near": rows, "far": rows.select(range(10))}
    card = written(trained(make_mean_pooled(), evaluated(tmp_path), rows, eval_dataset=sets))
    results = card.data.to_dict()["model-index"][0]["results"]
    found = {result["dataset"]["split"]: result["dataset"]["args"]["num_rows"] for result in results}
    assert found == {"near": 20, "far": 10}


def test_the_best_evaluation_counts_where_its_weights_are_kept(make_mean_pooled, rows, tmp_path):
    best = {"load_best_model_at_end": True, "metric_for_best_model": "my_score"}
    args = evaluated(tmp_path, **best, save_strategy="steps", save_steps=1, max_steps=3)
    scores = iter([0.1, 0.9, 0.2])
    metrics = {"compute_metrics": lambda evaluation: {"my_score": next(scores)}}
    card = written(trained(make_mean_pooled(), args, rows, **metrics))
    (result,) = card.data.to_dict()["model-index"][0]["results"]
    assert {metric["type"]: metric["value"] for metric in result["metrics"]}["my_score"] == 0.9


def test_a_loss_module_of_the_users_own_is_named(make_mean_pooled, rows, tmp_path):
    class MyLoss(nn.CrossEntropyLoss):
        pass

    card = written(BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows, loss=MyLoss()))
    assert "Loss: `MyLoss`. It was given as a module of the user's own." in card.text


def test_the_model_trained_from_is_told_if_it_is_on_the_hub(make_mean_pooled, rows, tmp_path):
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path), train_dataset=rows)
    trainer.model.config._name_or_path = str(tmp_path)
    assert "base_model" not in written(trainer).data.to_dict()
    trainer.model.config._name_or_path = "someone/levels"
    assert written(trainer).data.base_model == ["someone/levels"]
    assert written(trainer, finetuned_from="someone/else").data.base_model == ["someone/else"]
    with pytest.raises(ValueError, match="finetuned_from='/data/x' is no name on the Hub"):
        trainer.create_model_card(finetuned_from="/data/x")


def test_an_adapter_is_told_from_a_model(make_mean_pooled, rows, tmp_path):
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(task_type="SEQ_CLS", target_modules=["query"], modules_to_save=["classifier"])
    trainer = trained(peft.get_peft_model(make_mean_pooled(), config), evaluated(tmp_path), rows)
    trainer.save_model()
    card = written(trainer)
    assert card.data.library_name == "peft"
    assert 'MeanPooledForSequenceClassification.from_encoder("BASE_MODEL", num_labels=4' in card.text
    assert "| B1_2 | 9 | 45.0 |" in card.text
    assert "An adapter: it goes on top of" in card.text


def test_a_module_without_config_has_a_card(tmp_path):
    class Bag(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.EmbeddingBag(50, 3)

        def forward(self, input_ids):
            return {"logits": self.embedding(input_ids)}

    rows = Dataset.from_dict({"input_ids": [[1, 2], [3, 4], [5, 6]], "labels": [0, 1, 2]})
    trainer = BLVTrainer(Bag(), settings(tmp_path), train_dataset=rows, class_counts=[1, 1, 1])
    assert "Architecture: Bag" in written(trainer).text
