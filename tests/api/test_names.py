"""Key names are literal, as the contract writes them."""

from cli.choices import Entity
from projector.names import ENTITIES, SECTIONS, built_field, document_key, version_field
from projector.sections import load_documents


def test_keys_are_those_of_the_contract() -> None:
    assert document_key("product", 42) == "bff:product:42:complete"
    assert document_key("product_detail", 42) == "bff:product:42:detail"
    assert document_key("customer", 42) == "bff:customer:42:complete"
    assert document_key("customer_orders", 42) == "bff:customer:42:orders"
    assert document_key("shopper", 42) == "bff:customer:42:shopper"
    assert document_key("shop", 0) == "bff:shop:0:complete"
    assert document_key("order", 42) == "bff:order:42:complete"
    assert document_key("dashboard", 42, "week") == "bff:dashboard:salesperson:42:week"


def test_fields_are_named_after_what_they_describe() -> None:
    assert version_field("reviews") == "reviews@"
    assert built_field("customer_orders") == "built:customer_orders"


def test_the_sections_are_those_of_the_sql_files() -> None:
    files = {document.name: {section.name for section in document.sections} for document in load_documents()}
    assert files == {document: set(sections) for document, sections in SECTIONS.items()}


def test_every_entity_can_be_named_on_the_command_line() -> None:
    assert [entity.value for entity in Entity] == list(ENTITIES)
