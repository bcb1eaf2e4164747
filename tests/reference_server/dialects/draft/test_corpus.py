"""The shipped documents: what a client relies on."""

from collections import Counter

from streamproof.reference_server.dialects.draft.corpus import CORPUS
from streamproof.reference_server.dialects.draft.templates import TEMPLATES


def test_each_passage_has_an_id_of_its_own() -> None:
    assert max(Counter(passage.id for passage in CORPUS).values()) == 1


def test_there_are_several_documents_with_pages_and_sections() -> None:
    documents = {passage.document.id for passage in CORPUS}

    assert len(documents) == 7
    assert 25 <= len(CORPUS) <= 40
    for document in documents:
        places = [(p.page, p.section) for p in CORPUS if p.document.id == document]
        assert places == sorted(places, key=lambda place: place[0])
        assert len(set(places)) == len(places) >= 3


def test_each_sentence_ends() -> None:
    assert all(passage.text.endswith(".") for passage in CORPUS)
    assert not any("  " in passage.text for passage in CORPUS)


def test_a_template_has_the_name_that_it_is_found_by() -> None:
    assert list(TEMPLATES) == ["rfp_response", "executive_summary", "technical_memo"]
    assert all(template.name == name for name, template in TEMPLATES.items())
