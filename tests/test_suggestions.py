"""Names that were probably meant."""

from blv_trainer.suggestions import did_you_mean, nearest


def test_the_nearest_name_is_found_regardless_of_case_and_given_as_it_is_accepted():
    assert nearest("b1-2", ["A2", "B1_1", "B1_2"]) == "B1_2"
    assert nearest("QWC", {"qwk": 1, "pcc": 2}) == "qwk"


def test_a_part_of_a_name_finds_the_first_name_that_has_it():
    assert nearest("acc", ["adjacent_accuracy", "accuracy", "pcc"]) == "accuracy"
    assert nearest("epochs", ["num_train_epochs", "eval_epochs"]) == "num_train_epochs"


def test_nothing_is_proposed_where_nothing_is_near():
    assert nearest("hinge", ["blv", "focal"]) is None
    assert did_you_mean("hinge", ["blv", "focal"]) == ""


def test_what_is_no_word_is_compared_by_how_it_is_written():
    assert did_you_mean(12, ["123"]) == " Did you mean '123'?"
