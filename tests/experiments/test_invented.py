from transformers import AutoModel, AutoTokenizer

from blv_trainer.experiments.invented import build_encoder, word_vocabulary


def test_the_vocabulary_depends_on_the_texts_alone():
    texts = ["B a b, c!", "b a d"]
    vocabulary = word_vocabulary(texts, max_words=2)
    assert list(vocabulary)[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert list(vocabulary.values()) == list(range(len(vocabulary)))
    assert word_vocabulary(texts[::-1], max_words=2) == vocabulary


def test_known_words_are_whole_and_others_fall_into_letters(tmp_path):
    folder = build_encoder(["I like tea, often.", "They like coffee."], tmp_path, seed=1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.tokenize("They like tea, teas.") == ["they", "like", "tea", ",", "tea", "##s", "."]
    assert AutoModel.from_pretrained(folder).config.vocab_size == len(tokenizer)
