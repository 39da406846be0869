"""404 says that the entity does not exist; until that is known the answer is 503."""

import pytest
from httpx import AsyncClient

from projector.names import DOCUMENTS as KINDS
from tests.api.addresses import DOCUMENT_ADDRESSES, DOCUMENTS, write_all
from tests.api.store import Store

pytestmark = pytest.mark.anyio

KIND_OF_KEY = dict(zip(DOCUMENTS, KINDS, strict=True))


def sentence(address: str) -> str:
    noun = {"p": "Product 42", "c": "Customer 7", "o": "Order 9", "s": "Salesperson 3"}
    return f"{noun[address.removeprefix('/api/mobile/')[0]]} not found"


@pytest.mark.parametrize("address", DOCUMENT_ADDRESSES)
async def test_no_document_where_all_are_built_is_404(address: str, client: AsyncClient) -> None:
    response = await client.get(address)
    assert response.status_code == 404
    assert response.json() == {
        "success": False,
        "error": sentence(address),
        "details": {"code": "not_found", "id": int(sentence(address).split()[1])},
    }
    assert "retry-after" not in response.headers


@pytest.mark.parametrize("address", DOCUMENT_ADDRESSES)
async def test_no_document_before_the_first_build_is_503(address: str, store: Store, client: AsyncClient) -> None:
    """Other kinds of documents being built says nothing about this one."""
    kind = KIND_OF_KEY[DOCUMENT_ADDRESSES[address]]
    store.empty()
    store.build(*set(KINDS) - {kind})
    response = await client.get(address)
    assert response.status_code == 503
    assert response.json() == {
        "success": False,
        "error": f"The {kind.replace('_', ' ')} documents have not been built yet",
        "details": {"code": "not_built", "document": kind},
    }
    assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize("address", DOCUMENT_ADDRESSES)
async def test_a_document_that_is_there_is_served_before_all_are_built(
    address: str, store: Store, client: AsyncClient
) -> None:
    store.empty()
    write_all(store)
    assert (await client.get(address)).status_code == 200


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("address", DOCUMENT_ADDRESSES)
async def test_a_tombstone_is_404_at_every_address(
    address: str, built: bool, store: Store, client: AsyncClient
) -> None:
    """It is known not to exist, whether or not everything has been built."""
    store.empty()
    if built:
        store.build()
    store.bury(DOCUMENT_ADDRESSES[address])
    response = await client.get(address)
    assert (response.status_code, response.json()["error"]) == (404, sentence(address))


async def test_an_entity_that_comes_back_is_served_again(store: Store, client: AsyncClient) -> None:
    store.bury("bff:product:42:complete")
    assert (await client.get("/api/mobile/products/42/complete")).status_code == 404
    write_all(store)
    assert (await client.get("/api/mobile/products/42/complete")).status_code == 200


@pytest.mark.parametrize("entity_id", ["0", "-1", "9223372036854775807", "-9223372036854775808"])
async def test_any_64_bit_integer_is_an_id(entity_id: str, client: AsyncClient) -> None:
    response = await client.get(f"/api/mobile/products/{entity_id}/complete")
    assert response.status_code == 404
    assert response.json()["error"] == f"Product {entity_id} not found"
