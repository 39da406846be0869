"""The models fit what SQL really builds: every document of a generated ERP, through every address."""

from collections.abc import Iterator

import pytest
from httpx import AsyncClient
from redis import Redis

from api.openapi import PAGES, Page
from projector.names import RANGES, key_parts
from projector.settings import Settings
from tests.api.conftest import api_client
from tests.conftest import Start


def addresses(page: Page, redis: Redis) -> Iterator[str]:
    """The address of every document that the page can show."""
    document = page.template.document
    before, after = key_parts(document, RANGES[0])
    for key in redis.scan_iter(match=f"{before}*{after}"):
        document_id = key.decode()[len(before) : -len(after)]
        if page.template.join:
            name = "branch_id" if document == "shop" else "customer_id"
            yield f"{page.template.path}?{name}={document_id}" if document_id != "0" else page.template.path
            continue
        if document != "dashboard":
            yield page.template.path.replace("{id}", document_id)
            continue
        for date_range in RANGES:
            yield f"{page.template.path}?salesperson_id={document_id}&date_range={date_range}"


async def assert_fits(page: Page, address: str, client: AsyncClient) -> None:
    response = await client.get(address)
    assert response.status_code == 200, (address, response.text)
    answer = page.model.model_validate_json(response.content, strict=True)
    assert "degraded" not in response.json()["metadata"], (address, answer)


@pytest.mark.anyio
async def test_models_fit_every_document_of_a_generated_erp(installed: Settings, start: Start) -> None:
    start("rebuild").wait_for(r"rebuilt \d+ documents")
    with Redis.from_url(installed.redis()) as redis:
        async with api_client(installed.redis()) as client:
            for page in PAGES:
                found = list(addresses(page, redis))
                assert len(found) > 2
                for address in found:
                    await assert_fits(page, address, client)
