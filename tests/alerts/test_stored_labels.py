from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.stored_labels import labels_of, texts_of, to_text
from monitor.model.labels import Labels

# Lone surrogates stand for bytes that are not UTF-8.
TEXTS = st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=10) | st.just("\udcff")


@given(st.dictionaries(TEXTS, TEXTS.filter(bool), max_size=5))
def test_labels_survive_being_stored_as_ascii(pairs):
    text = to_text(Labels(pairs))

    assert text.isascii()
    assert labels_of(text) == Labels(pairs)


def test_an_empty_annotation_survives_too():
    assert texts_of(to_text({"summary": "", "note": "ü"})) == {"summary": "", "note": "ü"}
