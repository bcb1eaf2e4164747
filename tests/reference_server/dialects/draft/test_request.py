"""Bodies and queries: what is accepted, and what is said of the rest."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError
from tests.reference_server.drafting import BODY, KB

from streamproof.reference_server.dialects.draft.request import (
    DraftRequest,
    EditRequest,
    ListRequest,
    NewDraftRequest,
)
from streamproof.reference_server.store.draft_status import DraftStatus


def where(model: type[BaseModel], document: object) -> str:
    """Return the field that is wrong."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate(document)
    [error] = refused.value.errors()
    return ".".join(map(str, error["loc"]))


def test_a_request_for_a_draft() -> None:
    request = DraftRequest.model_validate(
        {**BODY, "selected_sources": ["case-results", "company-team"], "more": 1}
    )

    assert request.kb_id == UUID(KB)
    assert request.document_type == "rfp_response"
    assert request.selected_sources == ["case-results", "company-team"]
    assert DraftRequest.model_validate(BODY).selected_sources == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kb_id": "mine"}, "kb_id"),
        ({"kb_id": 1}, "kb_id"),
        ({"document_type": "sonnet"}, "document_type"),
        ({"document_type": "RFP_RESPONSE"}, "document_type"),
        ({"document_type": ["rfp_response"]}, "document_type"),
        ({"context": ""}, "context"),
        ({"context": 7}, "context"),
        ({"selected_sources": "case-results"}, "selected_sources"),
        ({"selected_sources": ["no such chunk"]}, "selected_sources"),
        ({"selected_sources": [7]}, "selected_sources.0"),
        ({"selected_sources": ["case-results"] * 2}, "selected_sources"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(
    change: dict[str, Any], field: str
) -> None:
    assert where(DraftRequest, {**BODY, **change}) == field


@pytest.mark.parametrize("field", BODY)
def test_nothing_of_a_request_may_be_missing(field: str) -> None:
    document = {name: value for name, value in BODY.items() if name != field}

    assert where(DraftRequest, document) == field


def test_a_draft_of_the_user_s_own_needs_no_text() -> None:
    document = {"kb_id": KB, "document_type": "technical_memo"}

    request = NewDraftRequest.model_validate(document)

    assert (request.context, request.content) == ("", "")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kb_id": None}, "kb_id"),
        ({"document_type": "sonnet"}, "document_type"),
        ({"content": 7}, "content"),
    ],
)
def test_what_is_wrong_with_a_draft_is_named(
    change: dict[str, Any], field: str
) -> None:
    document = {"kb_id": KB, "document_type": "technical_memo", **change}

    assert where(NewDraftRequest, document) == field


def test_an_edit() -> None:
    edit = EditRequest.model_validate(
        {"content": "", "status": "partial", "version": 1}
    )

    assert edit.content == ""
    assert edit.status is DraftStatus.PARTIAL
    assert edit.version == 1


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, ""),
        ({"version": 1}, ""),
        ({"status": "lost"}, "status"),
        ({"status": 1}, "status"),
        ({"content": ["a"]}, "content"),
        ({"content": "a", "version": 0}, "version"),
        ({"content": "a", "version": 2**31}, "version"),
        ({"content": "a", "version": "1"}, "version"),
        ({"content": "a", "version": True}, "version"),
        ({"content": "a", "version": 1.0}, "version"),
    ],
)
def test_what_is_wrong_with_an_edit_is_named(
    document: dict[str, Any], field: str
) -> None:
    assert where(EditRequest, document) == field


def test_a_list_is_of_twenty() -> None:
    query = ListRequest.model_validate_strings({})

    assert (query.limit, query.kb_id, query.status, query.cursor) == (
        *(20, None, None),
        None,
    )


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": "1e2"}, "limit"),
        ({"kb_id": "mine"}, "kb_id"),
        ({"kb_id": ""}, "kb_id"),
        ({"status": "lost"}, "status"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_what_is_wrong_with_a_query_is_named(query: dict[str, str], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ListRequest.model_validate_strings(query)

    assert [error["loc"] for error in refused.value.errors()] == [(field,)]
